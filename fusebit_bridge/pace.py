"""A budget of requests for one process: so many in a second, one after the other."""

import threading
import time
from collections.abc import Callable


class Pace:
    """Spaces requests evenly; `wait` returns when the next one may leave."""

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
        self._next = clock() - 1 / rate

    def wait(self) -> None:
        """Take the next place in the row and sleep until it comes."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next + 1 / self.rate, now)
            pause = self._next - now
        if pause > 0:
            self._sleep(pause)
