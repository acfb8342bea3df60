"""The isolated processes that wait for functions that have none yet."""

import time
from collections import deque

from fusebit_platform.runtime import memory
from fusebit_platform.runtime.limits import MIB
from fusebit_platform.runtime.worker import Worker

AT_ONCE = 2  # that are replaced without delay
FILL_AFTER_SECONDS = 5.0  # before that the platform has better things to do than to be ready for a crowd
EVERY_SECONDS = 0.15  # one more is prepared …
BUSY_EVERY_SECONDS = 3.0  # … or so, while calls need the processors
BUSY = 0.3  # of one processor, used by the platform itself
MOST = 40
SHARE = 0.02  # of the machine's memory
BYTES = 10 * MIB  # that one costs


def usual() -> int:
    """Return how many suit this machine."""
    return max(AT_ONCE, min(MOST, int(memory.total() * SHARE / BYTES)))


class Spares:
    """Hands out the oldest process that suits; once packages are in use, a few are prepared for them."""

    def __init__(self) -> None:
        self.waiting: deque[Worker] = deque()
        self._packages = False

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self, worker: Worker) -> None:
        """Take in a process that has no build."""
        if self._packages and sum(one.warmed for one in self.waiting) < AT_ONCE:
            worker.warm()
        self.waiting.append(worker)

    def discard(self, worker: Worker) -> None:
        """Forget a process that is gone."""
        if worker in self.waiting:
            self.waiting.remove(worker)

    def take(self, *, packages: bool) -> Worker | None:
        """Return a process, one prepared for packages rather to a build that has some; None when there is none."""
        self._packages = self._packages or packages
        able = [worker for worker in self.waiting if not worker.retiring]
        chosen = next((worker for worker in able if worker.warmed == packages), able[0] if able else None)
        if chosen is not None:
            self.waiting.remove(chosen)
        return chosen


class Filling:
    """Says when one more process is due: soon while there is little to do, now and then while there is much."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        self._used = time.process_time()
        self._last = self._looked_at + FILL_AFTER_SECONDS

    def is_due(self, now: float) -> bool:
        """Tell it once, by a time.monotonic() value later than that of the last question."""
        used = time.process_time()
        is_busy = used - self._used > BUSY * (now - self._looked_at)
        self._used, self._looked_at = used, now
        if now - self._last < (BUSY_EVERY_SECONDS if is_busy else EVERY_SECONDS):
            return False
        self._last = now
        return True
