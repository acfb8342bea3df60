"""Live logs of one function: the page, and the stream that it follows."""

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tenants.models import Function
from tenants.services import event_streams, mirroring
from tenants.views import frame, scope, streams

RUNS_BACK = 10


@never_cache
@require_GET
def logs(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show what the function prints, as it prints it."""
    function = scope.function(request, slug, name)
    # What a call printed is numbered before the call itself, which is written down when it ends.
    before = function.runs.exclude(remote_id="").values_list("remote_id", flat=True)[RUNS_BACK : RUNS_BACK + 1]
    shown = {"reporting": mirroring.standing(mirroring.EVENTS), "after": next(iter(before), "0")}
    return render(request, "tenants/logs.html", frame.of(request, function, "logs", **shown))


@require_GET
async def events(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """Stream what the function prints and how it is called; resumes after Last-Event-ID."""
    function = await sync_to_async(scope.function)(request, slug, name)
    if not await sync_to_async(mirroring.reports)(mirroring.EVENTS):
        raise Http404
    after = event_streams.position(request.headers.get("Last-Event-ID") or request.GET.get("after", ""))
    events = event_streams.follow(
        function=function, after=after, may_still=lambda: sync_to_async(_may_still)(request, function)
    )
    return streams.respond(request, events)


def _may_still(request: HttpRequest, function: Function) -> bool:
    """Ask the session and the membership again."""
    request.membership = None  # type: ignore[attr-defined]  # the one that this request remembers
    if not request.session.exists(request.session.session_key or ""):
        return False
    try:
        scope.function(request, function.tenant.slug, function.name)
    except (Http404, PermissionDenied):
        return False
    return True
