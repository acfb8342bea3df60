"""Sending calls again: one, as it was or as a person fills it in, or all that failed."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenants import selectors
from tenants.errors import NotReady, TenantError
from tenants.forms import CallForm, ReplayForm
from tenants.models import Function, Run
from tenants.services import invocations, replays
from tenants.views import runs, scope


@require_POST
def replay(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Send one call again to a version, as it is kept or as the person filled it in, and show the new one."""
    member = scope.membership(request, slug, may_write=True)
    run = selectors.run_or_404(member.tenant, run_id)
    if run.function is None:
        raise Http404
    form = CallForm(request.POST) if "method" in request.POST else None
    if form and not form.is_valid():
        return runs.show(request, member, run, form)
    done = _replay(request, [run], run.function, form.call() if form else None)
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


def _replay(
    request: HttpRequest, chosen: list[Run], function: Function, given: invocations.Call | None = None
) -> list[replays.Replay]:
    form = ReplayForm(request.POST)
    if not form.is_valid():
        raise Http404
    version = get_object_or_404(function.versions, number=form.cleaned_data["version"])
    fresh = selectors.function_or_404(function.tenant, function.name)
    try:
        done = replays.replay(runs=chosen, function=fresh, version=version, actor=scope.person(request), given=given)
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
