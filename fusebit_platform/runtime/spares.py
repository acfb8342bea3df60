"""The isolated processes that wait for functions that have none yet."""

from collections import deque

from fusebit_platform.runtime import memory
from fusebit_platform.runtime.limits import MIB
from fusebit_platform.runtime.worker import Worker

AT_ONCE = 2  # that are replaced without delay
FILL_AFTER_TICKS = 50  # before that the platform has better things to do than to be ready for a crowd
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
