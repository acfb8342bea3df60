"""The processes of one function version, and the calls that wait for the first of them."""

from collections import deque

from fusebit_platform.runtime.builds import Build, Reply, failure
from fusebit_platform.runtime.worker import Worker

PROCESSES_PER_VERSION = 3  # a second one starts only when the first one hangs
TOO_MANY = failure(429, "Too Many Requests", kind="", cause="rate_limited", source="proxy")


class Lane:
    """The processes of one function version and the calls waiting for the first of them."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.workers: list[Worker] = []
        self.waiting: deque[tuple[bytes, float, Reply, str]] = deque()
        self.arriving = 0
        self.superseded = False

    def renew(self, build: Build) -> None:
        """Take over what may change without a new version: the rules of the boundary."""
        self.build = build
        for worker in self.workers:
            if worker.outlet is not None:
                worker.outlet.restrict(build.egress_allow, build.egress_deny)

    def ready(self) -> Worker | None:
        """Return a process that takes a call now, the least busy first."""
        if len(self.workers) == 1:
            worker = self.workers[0]
            return None if worker.retiring or worker.stuck else worker
        able = [worker for worker in self.workers if not worker.retiring and not worker.stuck]
        return min(able, key=lambda worker: len(worker.calls), default=None)

    def last_resort(self) -> Worker | None:
        """Return a process that hangs but may recover, when no more may be started."""
        able = [worker for worker in self.workers if not worker.retiring]
        return able[0] if len(able) + self.arriving >= PROCESSES_PER_VERSION else None

    @property
    def load(self) -> int:
        """Count the calls waiting and in flight."""
        return len(self.waiting) + sum(len(worker.calls) for worker in self.workers)
