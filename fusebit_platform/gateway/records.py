"""What is remembered of every call, refused ones included."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

KEPT = 50_000


class CallerName(NamedTuple):
    """Who called, as the token says."""

    issuer_id: str
    subject: str
    kid: str


class Statement(NamedTuple):
    """A right that a call needed."""

    action: str
    resource: str


class RunRecord(NamedTuple):
    """One call; never a token, never a body."""

    started: float  # seconds since the epoch
    duration_ms: float
    subscription_id: str
    boundary_id: str
    function_id: str
    version_id: str  # "" when refused before the function was found
    method: str
    path: str  # without the query
    status: int
    source: str  # "function", "provider", "proxy", or "" when refused before execution
    cause: str  # "" when all went well; else a word of CAUSES
    trace_id: str
    kind: str = "http"  # "http", "cron" or "task"
    cpu_ms: float | None = None  # None when no process worked on it
    request_bytes: int = 0
    response_bytes: int = 0
    caller: CallerName | None = None
    permissions: Mapping[str, Any] | None = None  # {"allow": […]}, what the call ran with
    missing: Statement | None = None  # the right whose absence refused it
    message: str = ""  # short text of the error


CAUSES = frozenset(
    [
        "code_error", "timeout", "memory", "cpu", "build_failed", "auth_missing", "auth_denied", "rate_limited",
        "quota", "too_large", "not_found", "egress_blocked", "suspended", "platform",
    ]
)  # fmt: skip


class Records:
    """The latest calls of this process; a writer takes them away in batches."""

    def __init__(self, kept: int = KEPT) -> None:
        self._latest: deque[RunRecord] = deque(maxlen=kept)

    def add(self, record: RunRecord) -> None:
        """Remember a call; the oldest is forgotten when nobody takes them away."""
        self._latest.append(record)

    def take(self) -> list[RunRecord]:
        """Return what has been added since the last time, oldest first."""
        batch: list[RunRecord] = []
        while self._latest:
            batch.append(self._latest.popleft())
        return batch
