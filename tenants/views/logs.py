"""Live logs of one function: the page, and the stream that it follows."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tenants.models import Function
from tenants.services import mirroring, tails
from tenants.views import frame, scope

RUNS_BACK = 10
ALIVE_S = 15.0
CHECK_S = 60.0
LIFE_S = 1800.0


@never_cache
@require_GET
def logs(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show what the function prints, as it prints it."""
    function = scope.function(request, slug, name)
    # What a call printed is numbered before the call itself, which is written down when it ends.
    before = function.runs.exclude(remote_id="").values_list("remote_id", flat=True)[RUNS_BACK : RUNS_BACK + 1]
    shown = {"is_reported": mirroring.reports(mirroring.EVENTS), "after": next(iter(before), "0")}
    return render(request, "tenants/logs.html", frame.of(request, function, "logs", **shown))


@require_GET
async def events(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """Stream what the function prints and how it is called; resumes after Last-Event-ID."""
    function = await sync_to_async(scope.function)(request, slug, name)
    if not await sync_to_async(mirroring.reports)(mirroring.EVENTS):
        raise Http404
    position = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    after = position if position.isascii() and position.isdecimal() and len(position) <= 18 else ""
    response = StreamingHttpResponse(_stream(request, function, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(request: HttpRequest, function: Function, after: str) -> AsyncIterator[bytes]:
    """Yield events, signs of life, and an end that says why."""
    items = tails.follow(function=function, after=after)
    began = checked = time.monotonic()
    upcoming = asyncio.ensure_future(anext(items))
    try:
        yield b"retry: 1000\n\n"
        while time.monotonic() - began < LIFE_S:
            done, _ = await asyncio.wait({upcoming}, timeout=ALIVE_S)
            if done:
                yield _event(upcoming.result())
                upcoming = asyncio.ensure_future(anext(items))
            else:
                yield b": alive\n\n"
            if time.monotonic() - checked > CHECK_S:
                checked = time.monotonic()
                if not await sync_to_async(_may_still)(request, function):
                    yield _event(tails.Item("end", data={"reason": "You are signed out, or this function is gone."}))
                    return
    except tails.TooMany:
        yield _event(tails.Item("end", data={"reason": "Too many people follow this workspace just now."}))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await items.aclose()


def _event(item: tails.Item) -> bytes:
    head = f"id: {item.number}\n" if item.number else ""
    return f"{head}event: {item.kind}\ndata: {json.dumps(item.data or {})}\n\n".encode()


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
