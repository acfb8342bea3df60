"""Turn what a worker answered, which may be hostile, into an HTTP response (contract 1.6, 6.5)."""

import json
import re
from functools import lru_cache
from http import HTTPStatus

CORS = (
    b"access-control-allow-origin: *\r\n"
    b"access-control-allow-credentials: true\r\n"
    b"access-control-expose-headers: x-fx-logs,x-fx-response-source,content-length,fusebit-trace-id\r\n"
)
PREFLIGHT = (
    CORS + b"access-control-allow-methods: GET,POST,PUT,DELETE,PATCH,HEAD\r\nvary: access-control-request-headers\r\n"
)
NOSNIFF = b"x-content-type-options: nosniff\r\n"
SANDBOX = b"content-security-policy: sandbox allow-scripts allow-forms allow-popups\r\n"
JSON_TYPE = b"content-type: application/json; charset=utf-8\r\n"
SOURCE_LINES = {name: f"x-fx-response-source: {name}\r\n".encode() for name in ("function", "provider", "proxy")}

MAX_HEADERS = 100
REMEMBERED_BYTES = 1024  # most functions send the same few headers again and again
MAX_HEADER_BYTES = 32 * 1024
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5
SAFE_LOCATION = re.compile(r"(?i)https?://|(?![a-z][a-z0-9+.\-]*:)")
CONNECTION_OWNED = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "date",
        "x-content-type-options",
    ]
)
SHARED_ORIGIN_OWNED = frozenset(
    [
        "set-cookie",
        "set-cookie2",
        "clear-site-data",
        "strict-transport-security",
        "service-worker-allowed",
        "refresh",
        "content-security-policy",
        "content-security-policy-report-only",
        "public-key-pins",
        "alt-svc",
    ]
)
OURS = ("x-fx-", "fusebit-")
STATUS_LINES = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in set(HTTPStatus) else ''}\r\n".encode()
    for status in range(200, 600)
}


class Unusable(ValueError):
    """The worker's headers cannot become a response."""


def header_block(status: int, source: str, headers: bytes, *, shares_origin: bool) -> bytes:
    """Return the header lines for a worker's JSON list of pairs, CORS and nosniff included; raise Unusable.

    What a function may not set is dropped: invalid names and values, the connection's and the platform's own.
    """
    if len(headers) <= REMEMBERED_BYTES:
        return _remembered(status, source, headers, shares_origin)
    return _block(status, source, headers, shares_origin)


def _block(status: int, source: str, headers: bytes, shares_origin: bool) -> bytes:
    if not 200 <= status <= 599:
        raise Unusable("The function's response has an impossible status.")
    lines: list[bytes] = []
    sets_cors = False
    for name, value in _pairs(headers):
        lower = name.lower()
        if _is_refused(lower, value, shares_origin):
            continue
        sets_cors = sets_cors or lower == "access-control-allow-origin"
        lines.append(f"{lower}: {value}\r\n".encode("latin-1"))
    lines.append(b"" if sets_cors else CORS)
    lines.append(NOSNIFF)
    if shares_origin:
        lines.append(SANDBOX)
    lines.append(SOURCE_LINES[source])
    return b"".join(lines)


_remembered = lru_cache(maxsize=2048)(_block)


def _pairs(headers: bytes) -> list[tuple[str, str]]:
    if len(headers) > MAX_HEADER_BYTES:
        raise Unusable("The function's response headers are too large.")
    try:
        pairs = json.loads(headers)
        checked = [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]
    except (ValueError, TypeError, RecursionError):
        raise Unusable("The function's response headers cannot be read.") from None
    if len(checked) > MAX_HEADERS:
        raise Unusable("The function's response has too many headers.")
    return checked


def _is_refused(name: str, value: str, shares_origin: bool) -> bool:
    if TOKEN.fullmatch(name) is None or VALUE.fullmatch(value) is None:
        return True
    if name in CONNECTION_OWNED or name.startswith(OURS):
        return True
    if name == "location" and SAFE_LOCATION.match(value) is None:
        return True
    return shares_origin and (name in SHARED_ORIGIN_OWNED or name.startswith("access-control-"))


def error_body(status: int, message: str, code: str = "") -> bytes:
    """Return the body of an error (contract 1.5); a code, where there is one, tells programs which it is."""
    body: dict[str, object] = {"status": status, "statusCode": status, "message": message}
    return json.dumps(body | {"code": code} if code else body).encode()


def preflight(requested_headers: str) -> bytes:
    """Return the header lines of the answer to OPTIONS."""
    if requested_headers and VALUE.fullmatch(requested_headers) and len(requested_headers) <= 4096:
        return PREFLIGHT + f"access-control-allow-headers: {requested_headers}\r\n".encode("latin-1")
    return PREFLIGHT
