"""Holds the worker back while Fusebit fails for everybody, and lets one step through now and then to see."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from fusebit_bridge import door
from tenants.services import causes

FAILURES = 5  # in a row
PROBE_EVERY = timedelta(seconds=5)
AT_ONCE = frozenset({"credentials", "clock"})  # they are the same for every row


class Breaker:
    """One worker's; told how every step ended, and asked how many more may begin."""

    def __init__(self, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_probe: datetime | None = None
        self._held_until: datetime | None = None
        self.cause = ""

    def note(self, error: door.FusebitError | None) -> None:
        """Take in how a step ended; `None` for an answer that made sense."""
        code = causes.of(error).code if error else ""
        with self._lock:
            if error is None or code not in causes.REMOTE:
                self._failures, self._next_probe, self.cause = 0, None, ""
                return
            self._failures += 1
            if error.retry_after:
                self._held_until = self._clock() + timedelta(seconds=error.retry_after)
            if self._failures >= FAILURES or code in AT_ONCE:
                self.cause = code
                self._next_probe = self._next_probe or self._clock() + PROBE_EVERY

    @property
    def is_open(self) -> bool:
        """Tell whether the worker is held back."""
        return self._next_probe is not None

    def admits(self, wanted: int) -> int:
        """Return how many of `wanted` steps may begin now."""
        with self._lock:
            now = self._clock()
            if self._held_until is not None and now < self._held_until:
                return 0
            if self._next_probe is None:
                return wanted
            if now < self._next_probe:
                return 0
            self._next_probe = now + PROBE_EVERY
            return min(wanted, 1)
