"""Counts the writes that can change an answer, so that a cache knows when to forget."""

import threading

_lock = threading.Lock()
_counts = {"everything": 0, "agents": 0}


def current() -> int:
    """Return the number of this generation; anything remembered under another number is stale."""
    return _counts["everything"]


def of_agents() -> int:
    """Return the generation of issuers, agents and their access alone."""
    return _counts["agents"]


def bump(*, agents: bool) -> None:
    """Begin a new generation; with `agents` also for who may sign in and what they may do."""
    with _lock:
        _counts["everything"] += 1
        if agents:
            _counts["agents"] += 1
