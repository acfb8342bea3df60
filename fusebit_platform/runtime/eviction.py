"""Which idle processes are ended when there is no room, or no memory, for others."""

from collections.abc import Iterable

from fusebit_platform.runtime.errors import NodeFull
from fusebit_platform.runtime.worker import Worker


def make_room(workers: Iterable[Worker], most: int) -> None:
    """End the process that has been idle longest when there are `most`; raise NodeFull when none is idle."""
    bound = [worker for worker in workers if worker.build is not None and not worker.retiring]
    if len(bound) < most:
        return
    idle = _idle(bound)
    if not idle:
        raise NodeFull("Every process of this node is busy.")
    idle[0].kill()


def evict(workers: Iterable[Worker]) -> None:
    """End a quarter of the idle processes, those idle longest first."""
    idle = _idle(workers)
    for worker in idle[: -(-len(idle) // 4)]:
        worker.kill()


def _idle(workers: Iterable[Worker]) -> list[Worker]:
    idle = [worker for worker in workers if worker.build is not None and not worker.calls]
    return sorted(idle, key=lambda worker: worker.idle_since)
