"""Turns a POST on a task's route into a task (contract 6.7)."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from fusebit_platform import routes
from fusebit_platform.gateway import forms
from fusebit_platform.gateway.exchange import Exchange
from fusebit_platform.gateway.known import Known

NOT_BEFORE = "fusebit-task-not-before"
SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})  # never kept at rest
HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}", re.ASCII)
PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}", re.ASCII)


def route_of(known: Known, exchange: Exchange) -> Mapping[str, Any] | None:
    """Return the task route that a request asks to run later, or None when it is run now."""
    if exchange.method != "POST":
        return None
    route = routes.find(known.executable.routes, exchange.path)
    return route if route is not None and "task" in route else None


def members_of(exchange: Exchange, body: bytes) -> dict[str, Any]:
    """Return what ctx will say of the request when the task runs."""
    headers = {name: value for name, value in exchange.headers.items() if name not in SECRET}
    return {
        "path": exchange.path,
        "url": exchange.url,
        "query": forms.parse_query(exchange.path.partition("?")[2]),
        "headers": headers,
        "body": json.loads(body, parse_float=_finite),
    }


def _finite(text: str) -> float:
    """Return the nearest number that JSON can say; a larger one is infinite to Node.js."""
    return min(max(float(text), -sys.float_info.max), sys.float_info.max)


def base_url(headers: Mapping[str, str]) -> str:
    """Return the server's address as the caller named it (contract 1.6)."""
    forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    host = headers.get("host", "")
    protocol = forwarded if PROTOCOL.fullmatch(forwarded) else "http"
    return f"{protocol}://{host if HOST.fullmatch(host) else 'localhost'}"
