"""What every answer carries, whatever it says: CORS, trace id, weak ETag, and 304 (contract 1.6)."""

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic_core import to_json

JSON = "application/json; charset=utf-8"
TRACE_HEADER = "fusebit-trace-id"
TRACE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
EXPOSED = "x-fx-logs,x-fx-response-source,content-length,fusebit-trace-id"
METHODS = "GET,POST,PUT,DELETE,PATCH"
HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}", re.ASCII)
PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}", re.ASCII)


class Stream(HttpResponse):
    """An answer of server-sent events that goes on for a while; `events` runs on the event loop."""

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(content_type="text/event-stream")
        self.events = events
        self["Cache-Control"] = "no-cache"
        self["X-Accel-Buffering"] = "no"


def answer(body: Any, status: int = 200) -> HttpResponse:
    """Return `body` as JSON in the order it was made."""
    return HttpResponse(to_json(body, inf_nan_mode="null"), status=status, content_type=JSON)


def nothing(status: int = 204) -> HttpResponse:
    """Return an answer without a body."""
    response = HttpResponse(status=status)
    del response["Content-Type"]
    return response


def preflight(request: HttpRequest) -> HttpResponse:
    """Return the answer to OPTIONS: every method, and whatever headers were asked for."""
    response = nothing()
    response["Access-Control-Allow-Methods"] = METHODS
    response["Vary"] = "Access-Control-Request-Headers"
    asked = request.headers.get("Access-Control-Request-Headers")
    if asked and asked.isprintable():
        response["Access-Control-Allow-Headers"] = asked
    return response


def allow_every_origin(response: HttpResponse) -> None:
    """Add the CORS headers that do not depend on the request."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Credentials"] = "true"
    response["Access-Control-Expose-Headers"] = EXPOSED


def add_trace_id(request: HttpRequest, response: HttpResponse) -> None:
    """Name the trace: the one that came in continued by a new span, or a new one."""
    incoming = request.headers.get(TRACE_HEADER, "").partition(".")[0]
    trace = incoming if TRACE.fullmatch(incoming) else secrets.token_hex(16)
    response[TRACE_HEADER] = f"{trace}.{secrets.token_hex(8)}"


def add_etag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Add a weak ETag of the content, and answer 304 to a reader who has that content already."""
    if response.streaming or not response.content:
        return response
    digest = base64.b64encode(hashlib.sha1(response.content, usedforsecurity=False).digest()).decode()[:27]
    tag = f'W/"{len(response.content):x}-{digest}"'
    if request.method in {"GET", "HEAD"} and response.status_code == 200 and _is_known(request, tag):
        unchanged = nothing(304)
        for name, value in response.items():
            if name != "Content-Type":
                unchanged[name] = value
        response = unchanged
    response["ETag"] = tag
    return response


def _is_known(request: HttpRequest, tag: str) -> bool:
    known = request.headers.get("If-None-Match", "")
    if not known or "no-cache" in request.headers.get("Cache-Control", ""):
        return False
    return known.strip() == "*" or tag.removeprefix("W/") in {
        part.strip().removeprefix("W/") for part in known.split(",")
    }


def base_url(request: HttpRequest) -> str:
    """Return the server's address as the caller named it: forwarded protocol, then `Host` (contract 1.6)."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
    protocol = forwarded if PROTOCOL.fullmatch(forwarded) else request.scheme
    return f"{protocol}://{host(request)}"


def host(request: HttpRequest) -> str:
    """Return the `Host` header, or nothing when it is not one."""
    named = request.headers.get("Host", "")
    return named if HOST.fullmatch(named) else "localhost"


def host_name(request: HttpRequest) -> str:
    """Return the host without its port."""
    named = host(request)
    return named[1:].partition("]")[0] if named.startswith("[") else named.partition(":")[0]
