"""Read which function a request target names (contract 1.2, 6.1, 6.3)."""

import json
import re
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from fusebit_platform.entries import MAX_PATH
from fusebit_platform.gateway import forms
from fusebit_platform.gateway.refusals import Refusal

PREFIX = b"/v1/run/"
REMEMBERED = 10_000
REMEMBERED_BYTES = 256  # of a target; longer ones are read each time
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
PATTERNS = (
    ("subscriptionId", r"^sub-[a-f0-9]{16}$"),
    ("boundaryId", r"^[a-z0-9\-]{1,63}$"),
    ("functionId", r"^[A-Za-z0-9\-]{1,64}$"),
)
COMPILED = [(name, pattern, re.compile(pattern[1:-1])) for name, pattern in PATTERNS]
HEAD = re.compile(rb"/v1/run/([^/?#]*)/([^/?#]*)/([^/?#]*)")


class Target(NamedTuple):
    """The function a request names, and the rest of its target."""

    key: tuple[str, str, str]  # subscription, boundary, function
    path: str  # raw remainder after the function's name, with the query
    plain: str  # the same without the query, as far as it is written down
    url: str  # without /v1
    members: bytes  # path, url and query as JSON members of ctx (contract 6.3)


def parse(target: bytes) -> Target:
    """Return what a request target that begins with PREFIX names; raise Refusal 404 or 400."""
    return _remembered(target) if len(target) <= REMEMBERED_BYTES else _read(target)


@lru_cache(maxsize=REMEMBERED)
def _remembered(target: bytes) -> Target:
    return _read(target)


def _read(target: bytes) -> Target:
    head = HEAD.match(target)
    if head is None:
        raise Refusal(404, "Not Found")
    key = _checked(head.groups())
    try:
        text = target.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(400, "The request target is not ASCII.") from None
    path = text[head.end() :]
    if path[:1] not in ("", "/", "?"):
        raise Refusal(404, "Not Found")
    path, url = path or "/", text[3:]
    plain, _, query = path.partition("?")
    parsed = json.dumps(forms.parse_query(query)) if query else "{}"
    members = f'"path":{quoted(path)},"url":{quoted(url)},"query":{parsed},'
    return Target(key, path, plain[:MAX_PATH] or "/", url, members.encode())


def _checked(segments: tuple[bytes, ...]) -> tuple[str, str, str]:
    values = []
    for segment, (name, pattern, compiled) in zip(segments, COMPILED, strict=True):
        value = _decoded(segment)
        if compiled.fullmatch(value) is None:
            complaint = f'"{name}" with value "{value}" fails to match the required pattern: /{pattern}/'
            raise Refusal(400, f"{name}: {complaint}")
        values.append(value)
    return (values[0], values[1], values[2])


def _decoded(segment: bytes) -> str:
    text = segment.decode("latin-1")
    try:
        value = None if BAD_ESCAPE.search(text) else unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        value = None
    if value is None:
        raise Refusal(400, f"Failed to decode param '{text}'")
    return value
