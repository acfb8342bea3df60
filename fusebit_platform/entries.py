"""What is written down of a call and of a line of log, and what of their texts may be."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

RUNS_KEPT = 5_000  # of a boundary
MAX_PATH = 2_000
MAX_STATEMENTS = 50  # shown of what a call ran with
MAX_DETAIL = 500
TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.eyJ[\w-]{4,}+(?:\.[\w-]*+)?", re.ASCII)  # a signed JWT (RFC 7515, 7.1)

Place = tuple[str, str]  # subscription and boundary


class RunEntry(NamedTuple):
    """One call, in the order of the columns; never a token, never a body.

    The warm path makes plain tuples in this order, since a named one takes three times as long.
    """

    function_id: str
    version: int | None  # None when it was refused before the function was found
    method: str
    path: str  # without the query
    status: int
    source: str  # "function", "provider", "proxy", or "" when refused before execution
    cause: str  # "" when all went well; else a word of CAUSES
    started_ms: int  # since the epoch
    duration_ms: float
    cpu_ms: float | None  # None when no process worked on it
    request_bytes: int
    response_bytes: int
    trace_id: str
    kind: str  # "http", "cron" or "task"
    details: str  # of `details`


RunRow = tuple[Any, ...]  # a RunEntry, or its members in a plain tuple
Runs = Mapping[Place, Sequence[RunRow]]  # each boundary's in the order in which they came


class LineEntry(NamedTuple):
    """One line of log, in the order of the columns."""

    subscription_id: str
    boundary_id: str
    function_id: str
    version: int | None
    trace_id: str
    level: int
    message: str
    printed_ms: int


class CallerName(NamedTuple):
    """Who called, as the token says."""

    issuer_id: str
    subject: str
    kid: str


class Statement(NamedTuple):
    """A right that a call needed."""

    action: str
    resource: str


CAUSES = frozenset(
    [
        "code_error", "timeout", "memory", "cpu", "build_failed", "auth_missing", "auth_denied", "rate_limited",
        "quota", "too_large", "not_found", "egress_blocked", "suspended", "platform",
    ]
)  # fmt: skip


def details(
    *,
    caller: CallerName | None = None,
    permissions: Mapping[str, Any] | None = None,  # {"allow": […]}, what the call ran with
    missing: Statement | None = None,  # the right whose absence refused it
    message: str = "",
) -> str:
    """Return, as a JSON object, what only some calls have."""
    members = {
        "caller": caller and dict(zip(("issuerId", "subject", "kid"), caller, strict=True)),
        "permissions": permissions and {"allow": permissions["allow"][:MAX_STATEMENTS]},
        "missing": missing and missing._asdict(),
        "message": storable(without_tokens(message), MAX_DETAIL),
    }
    return json.dumps({name: value for name, value in members.items() if value})


def version_in(version_id: str) -> int | None:
    """Return the number of a version from the name that executions have given it, None when there is none."""
    number = version_id.partition(".")[0]
    return int(number) if number.isdecimal() else None


def storable(text: str, limit: int) -> str:
    """Return the beginning of a text without what a database can not hold."""
    text = text[:limit].replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def without_tokens(text: str) -> str:
    """Return the text without tokens: a function that prints what it was given must not give them to its readers."""
    return TOKEN.sub("[token]", text) if "eyJ" in text else text
