"""Event streams: one response for all of them, with what keeps proxies from holding lines back."""

from collections.abc import AsyncIterator

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse


def respond(request: HttpRequest, events: AsyncIterator[str] | AsyncIterator[bytes]) -> HttpResponseBase:
    """Stream `events`; a server that cannot (WSGI) answers 204, after which a browser does not ask again."""
    if not isinstance(request, ASGIRequest):
        return HttpResponse(status=204)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response
