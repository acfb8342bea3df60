"""Calls: a list that can be narrowed and shared, and one call with everything that is known."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tenants import selectors
from tenants.forms import IDENTITIES, CallForm, RunFilterForm
from tenants.models import Function, Membership, Run, Tenant
from tenants.services import bodies, catalogue, mirroring, replays, run_logs
from tenants.views import answers, frame, frames, panel_forms, scope

PAGE = 50
VERSIONS_OFFERED = 50
REPORTED_WITHIN = timedelta(seconds=15)


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
    return show(request, member, selectors.run_or_404(member.tenant, run_id))


def show(request: HttpRequest, member: Membership, run: Run, form: CallForm | None = None) -> HttpResponse:
    """Render one call; with a `form` that was refused, the request in it for another look."""
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
        "form": form or panel_forms.of_call(replays.guess_of(run)),
        "identities": IDENTITIES[:2],
    }
    return render(request, "tenants/run.html", shown, status=422 if form else 200)


@never_cache
@require_GET
def lines(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Show what one call printed, asked from Fusebit when the page is there; of a fresh one again and again."""
    tenant = scope.membership(request, slug).tenant
    run = selectors.run_or_404(tenant, run_id)
    if not run.remote_id and mirroring.catch_up(tenant=tenant):
        run = selectors.run_or_404(tenant, run_id)
    is_fresh = timezone.now() - run.created_at < REPORTED_WITHIN
    is_awaited = is_fresh and not run.remote_id and mirroring.standing(mirroring.RUNS) != mirroring.UNREPORTED
    shown = {"lines": run_logs.of(run), "run": run, "tenant": tenant, "is_awaited": is_awaited}
    return render(request, "tenants/_lines.html", shown)


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
        "reporting": mirroring.standing(mirroring.RUNS),
        "address": request.path,
    }
    return render(request, "tenants/_run_rows.html" if htmx else "tenants/runs.html", shown)
