"""A budget of requests for one process: so many in a second, with a little room for a burst."""

import threading
import time
from collections.abc import Callable

BURST_S = 0.25  # how much of a second may be spent at once


class Pace:
    """A token bucket; `wait` returns when the next request may leave."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = clock()

    def wait(self) -> None:
        """Take the next place in the row and sleep until it comes."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now - BURST_S) + 1 / self.rate
            pause = self._next - now
        if pause > 0:
            self._sleep(pause)
