"""What is answered, and logged, for a call whose process could not answer it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fusebit_platform.runtime.builds import Answer, failure

MEMORY_MARKS = (b"out of memory", b"llocation failed", b"bad_alloc")
ABORTS = (-4, -5, -6, 132, 133, 134)  # how V8 ends itself when an allocation fails


def answer(code: int, last_words: bytes, memory_mb: int) -> Answer:
    """Return the answer for a call whose process ended with an exit code, or minus a signal."""
    if code in ABORTS or any(mark in last_words for mark in MEMORY_MARKS):
        message = f"The function ran out of memory: it may use {memory_mb} MB."
        return failure(500, message, kind="Function.OutOfMemory", cause="memory")
    if code < 0:
        message = "The function's process was stopped before it answered."
    else:
        message = f"The function's process exited with code {code} before it answered."
    return failure(500, message, kind="Function.Exited", cause="code_error")


def overdue(call: int, cause: str, limit: str) -> Answer:
    """Return the answer for a call past one of its limits (contract 6.5, "timeout")."""
    message = f"{_now()} {call:08x} Task timed out after {limit}"
    return failure(522, message, kind="Function.TimedOut", cause=cause)


def entry(level: int, message: str, **more: object) -> bytes:
    """Return a log entry as JSON (contract 7.1)."""
    return json.dumps({"level": level, "msg": message[:10000], "time": _now(), **more}).encode()


def failure_entry(body: Mapping[str, Any], trace_id: str) -> bytes:
    """Return the log entry of a call whose process could not answer it, from the body of its answer."""
    return entry(50, body["message"], properties=body["properties"], trace=trace_id)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
