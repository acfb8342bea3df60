"""What may leave for a function: which hosts get a token, which headers are passed on, and the exact URL."""

import re
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from fusebit_bridge.errors import InvalidName, Untrusted
from fusebit_bridge.resources import path_below

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})  # contract 6.1
ALLOWED_HEADERS = frozenset(
    {
        "accept", "accept-language", "content-language", "idempotency-key", "if-match", "if-modified-since",
        "if-none-match", "if-unmodified-since", "origin", "prefer", "range", "referer", "traceparent",
        "tracestate", "user-agent",
        # what webhooks are signed with, where the name does not begin with "x-"
        "paddle-signature", "stripe-signature", "svix-id", "svix-signature", "svix-timestamp", "webhook-id",
        "webhook-signature", "webhook-timestamp",
    }
)  # fmt: skip
# "x-" is the authors' own space, but for the names by which proxies and Fusebit itself are told things.
_OWN_HEADER = re.compile(
    r"x-(?!fx-|forwarded|real-ip|original|rewrite|accel|user-agent|request-id|http-method|method-override|envoy|amz)"
    r"[a-z0-9-]+"
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]{0,4096}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def passed_on(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the caller's headers that a function may get; the others are dropped without a word.

    Raise InvalidName for a name or a value that would break the request apart.
    """
    kept: dict[str, str] = {}
    for name, value in headers:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidName("A header has characters that cannot be sent.", detail=f"header {name!r:.80}")
        lowered = name.lower()
        if lowered in ALLOWED_HEADERS or _OWN_HEADER.fullmatch(lowered):
            kept[lowered] = value.strip(" \t")
    return kept


def origin_of(url: str) -> str:
    """Return scheme, host and port of an http(s) URL in one spelling; raise ValueError for anything else."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if not parts.hostname or port is None or parts.username is not None or parts.password is not None:
        raise ValueError("not an http(s) URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def trusted(location: str, origins: Iterable[str]) -> str:
    """Return `location` without a trailing slash; raise Untrusted unless its origin is one of `origins`."""
    try:
        known = {origin_of(origin) for origin in origins}
        origin = origin_of(location)
    except ValueError:
        raise Untrusted("The function's address is not a URL.", detail=f"location {location!r:.200}") from None
    parts = urlsplit(location)
    plain = not parts.query and not parts.fragment and parts.path == path_below(parts.path)
    if origin not in known or not plain:
        raise Untrusted(detail=f"location {location!r:.200}; trusted: {', '.join(sorted(known))}")
    return location.rstrip("/")


def url_of(location: str, path: str, query: Iterable[tuple[str, str]]) -> str:
    """Return the URL of a call: the location, the path below it as written, and the query pairs encoded."""
    below = path_below(path)
    try:
        encoded = urlencode([(name, value) for name, value in query])
    except UnicodeEncodeError:
        raise InvalidName("The query has characters that cannot be sent.") from None
    if encoded:
        below = f"{below}{'&' if '?' in below else '?'}{encoded}"
    return f"{location}{below}"
