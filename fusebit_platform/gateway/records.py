"""What is remembered of every call, refused ones included."""

from collections import deque
from typing import NamedTuple

KEPT = 1000


class RunRecord(NamedTuple):
    """One call."""

    started: float  # seconds since the epoch
    duration_ms: float
    subscription_id: str
    boundary_id: str
    function_id: str
    version_id: str
    method: str
    path: str
    status: int
    source: str  # "function", "provider", "proxy", or "" when refused before execution
    cause: str  # "" when all went well
    trace_id: str


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
