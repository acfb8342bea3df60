"""Calls: a list that can be narrowed and shared, one call with everything that is known, and sending it again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from tenants import selectors
from tenants.errors import NotReady, TenantError
from tenants.forms import ReplayForm, RunFilterForm
from tenants.models import Function, Run, Tenant
from tenants.services import bodies, catalogue, mirroring, replays, run_logs
from tenants.views import answers, frame, frames, scope

PAGE = 50
VERSIONS_OFFERED = 50


@never_cache
@require_GET
def of_tenant(request: HttpRequest, slug: str) -> HttpResponse:
    """List the calls of all functions."""
    member = scope.membership(request, slug)
    shown = {"tenant": member.tenant, "can_write": scope.can_write(member), "section": "runs"}
    return _list(request, member.tenant, None, shown)


@never_cache
@require_GET
def of_function(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """List the calls of one function."""
    function = scope.function(request, slug, name)
    offered = list(function.versions.only("number", "function_id", "message")[:VERSIONS_OFFERED])
    shown = frame.of(request, function, "runs", newest_number=offered[0].number, offered=offered)
    if not request.htmx:  # type: ignore[attr-defined]  # by its middleware
        shown["usage"] = selectors.usage_of(function, timezone.now() - timedelta(days=1))
    return _list(request, function.tenant, function, shown)


@never_cache
@require_GET
def one(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Show everything that is known of one call."""
    member = scope.membership(request, slug)
    run = selectors.run_or_404(member.tenant, run_id)
    kept = bodies.of(run)
    shown: dict[str, Any] = {
        "tenant": member.tenant,
        "can_write": scope.can_write(member),
        "section": "runs",
        "run": run,
        "cause": catalogue.explain(run.cause),
        "kept": kept,
        "sent": answers.sent(kept.request) if kept else None,
        "answer": answers.of_kept(kept) if kept else None,
        "frame": frames.of_run(run),
        "offered": run.function.versions.only("number", "function_id", "message")[:VERSIONS_OFFERED]
        if run.function
        else [],
    }
    return render(request, "tenants/run.html", shown)


@never_cache
@require_GET
def lines(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Show what one call printed; asked from Fusebit when the page is there."""
    run = selectors.run_or_404(scope.membership(request, slug).tenant, run_id)
    return render(request, "tenants/_lines.html", {"lines": run_logs.of(run), "run": run, "frame": frames.of_run(run)})


@require_POST
def replay(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Send one call again to a version, and show the new one."""
    run = selectors.run_or_404(scope.membership(request, slug, may_write=True).tenant, run_id)
    if run.function is None:
        raise Http404
    done = _replay(request, [run], run.function)
    if done and done[0].run:
        messages.success(request, f"Sent again; this is the new call, on v{done[0].run.version_number}.")
        return redirect("tenants:one-run", slug, done[0].run.pk)
    return redirect("tenants:one-run", slug, run.pk)


@require_POST
def replay_failed(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Send the newest failed calls again to a version, and say how many went well this time."""
    function = scope.function(request, slug, name, may_write=True)
    failed = (
        selectors.runs_of(function.tenant, {"function": name, "status": "failed"})
        .filter(function=function, body__isnull=False)
        .exclude(cause__in=["auth_missing", "auth_denied"])
    )
    done = _replay(request, list(failed[: replays.AT_ONCE]), function)
    well = sum(one.run is not None and not one.run.cause for one in done)
    if done:
        say = messages.success if well == len(done) else messages.warning
        say(request, f"Sent {len(done)} failed call{'s' if len(done) > 1 else ''} again: {well} went well this time.")
    return redirect(reverse("tenants:function-runs", args=[slug, name]))


def _replay(request: HttpRequest, runs: list[Run], function: Function) -> list[replays.Replay]:
    form = ReplayForm(request.POST)
    if not form.is_valid():
        raise Http404
    version = get_object_or_404(function.versions, number=form.cleaned_data["version"])
    fresh = selectors.function_or_404(function.tenant, function.name)
    try:
        done = replays.replay(runs=runs, function=fresh, version=version, actor=scope.person(request))
    except NotReady as error:
        messages.warning(request, error.message)
        return []
    except TenantError as error:
        messages.error(
            request, f"{error.message} Reference {error.reference_id}." if error.reference_id else error.message
        )
        return []
    for problem in {one.problem for one in done if one.problem}:
        messages.warning(request, problem)
    return done


def _list(request: HttpRequest, tenant: Tenant, function: Function | None, shown: dict[str, Any]) -> HttpResponse:
    """Render the list, to htmx only its rows, and those only when there is something new since `seen`."""
    htmx = bool(request.htmx)  # type: ignore[attr-defined]  # by its middleware
    if htmx:
        mirroring.catch_up(tenant=tenant)
    form = RunFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    if function:
        wanted = {**wanted, "function": function.name}
    rows = selectors.runs_before(selectors.runs_of(tenant, wanted), wanted.get("before", ""))
    found = list(rows[: PAGE + 1])
    seen = f"{found[0].pk}.{found[0].remote_id}" if found else "none"
    if htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    query = request.GET.copy()
    query.pop("seen", None)
    query.pop("before", None)
    shown |= {
        "form": form,
        "runs": found[:PAGE],
        "older": selectors.position_of(found[PAGE - 1]) if len(found) > PAGE else "",
        "query": query.urlencode(),
        "seen": seen,
        "is_narrowed": bool(wanted.keys() - {"before"} - ({"function"} if function else set())),
        "is_reported": mirroring.reports(mirroring.RUNS),
        "address": request.path,
    }
    return render(request, "tenants/_run_rows.html" if htmx else "tenants/runs.html", shown)
