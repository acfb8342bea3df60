"""What was said to Fusebit and what it answered, for a ledger: without tokens, code, settings, names or addresses."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fusebit_bridge.errors import redacted

TEXT_LIMIT = 1_000
# The members that say what was wanted and what came of it; of all others only their presence is told.
TOLD = frozenset(
    {
        "access",
        "buildId",
        "code",
        "id",
        "identities",
        "items",
        "message",
        "publicKeys",
        "status",
        "suspended",
        "version",
    }
)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `status` is 0 when there was none."""

    request: str
    answer: str
    status: int
    reference_id: str
    duration_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return it as a ledger keeps it."""
        return {
            "request": self.request,
            "answer": self.answer,
            "status": self.status,
            "reference_id": self.reference_id,
            "duration_ms": round(self.duration_ms, 1),
        }


_exchanges: ContextVar[list[Exchange] | None] = ContextVar("exchanges", default=None)


@contextmanager
def witnessed() -> Iterator[list[Exchange]]:
    """Collect what this thread exchanges with Fusebit while the block runs."""
    collected: list[Exchange] = []
    token = _exchanges.set(collected)
    try:
        yield collected
    finally:
        _exchanges.reset(token)


def note(request: str, sent: bytes, *, status: int, answered: bytes, reference_id: str, duration_ms: float) -> None:
    """Keep an exchange, if anybody collects; `answered` is the body, or words when there was no answer."""
    collected = _exchanges.get()
    if collected is None:
        return
    said = f"{request} {outline(sent)}".strip()
    collected.append(
        Exchange(
            redacted(said)[:TEXT_LIMIT], redacted(outline(answered))[:TEXT_LIMIT], status, reference_id, duration_ms
        )
    )


def outline(body: bytes) -> str:
    """Return the body with everything left out that a ledger must not hold; of what is not JSON, the size."""
    if not body:
        return ""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return f"({len(body)} bytes that are not JSON)"
    return json.dumps(_told(members), ensure_ascii=False)


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {name: _told_whole(name, member) for name, member in value.items()}


def _told_whole(name: str, member: Any) -> Any:
    if name == "items":
        return _told(member)
    return member if name in TOLD else "…"
