"""Takes what happened off the hot path and has it written down, a few times a second."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from django.db import Error as DatabaseUnavailable
from django.db import close_old_connections, connections

from fusebit_platform.gateway.records import Records
from fusebit_platform.services import journal, live_logs
from fusebit_platform.services.journal import LineEntry, Pruner, RunEntry

EVERY_SECONDS = 0.25
BUSY_SECONDS = 0.75  # after a batch of many calls, of which a boundary keeps the latest only
MANY_CALLS = 2_000
PENDING = 50_000  # of each kind; the oldest are lost when the database stays away
FORGET_EVERY_SECONDS = 3600.0
log = logging.getLogger(__name__)


class Scribe:
    """Writes runs and lines of log in batches, in a thread of its own."""

    def __init__(self, records: Records, logs: live_logs.Hub) -> None:
        self._records = records
        self._runs: deque[RunEntry] = deque(maxlen=PENDING)
        self._new_lines: deque[live_logs.Line] = deque(maxlen=PENDING)
        self._lines: deque[LineEntry] = deque(maxlen=PENDING)
        self._pruner = Pruner()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scribe")
        self._task: asyncio.Task[None] | None = None
        self._forget_at = 0.0
        logs.observe(self._new_lines.append)

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.get_running_loop().create_task(self._keep_writing())

    async def close(self) -> None:
        """Write what is left and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._batch)
        await loop.run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown()

    async def _keep_writing(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            calls = await asyncio.shield(loop.run_in_executor(self._thread, self._batch))
            await asyncio.sleep(EVERY_SECONDS if calls < MANY_CALLS else BUSY_SECONDS)

    def _batch(self) -> int:
        close_old_connections()
        return self.write()

    def write(self) -> int:
        """Write what came since the last time, and keep it when the database does not take it; count the calls."""
        records = self._records.take()
        self._runs.extend(journal.run_entries(journal.worth_writing(records)))
        self._lines.extend(journal.within_measure(map(journal.line_entry, self._take_lines())))
        runs, lines = list(self._runs), list(self._lines)
        try:
            self._write_down(runs, lines)
        except DatabaseUnavailable:
            log.warning("What ran can not be written down; it is tried again.", exc_info=True)
            return len(records)
        except Exception:  # the edge of the thread: one bad batch must not end the journal
            log.exception("What ran could not be written down.")
        _drop(self._runs, len(runs))
        _drop(self._lines, len(lines))
        return len(records)

    def _take_lines(self) -> Iterator[live_logs.Line]:
        while self._new_lines:
            yield self._new_lines.popleft()

    def _write_down(self, runs: list[RunEntry], lines: list[LineEntry]) -> None:
        kept = journal.of_known_places(runs)
        journal.write(runs=kept, lines=lines)
        self._pruner.written(runs=kept, lines=lines)
        self._forget()

    def _forget(self) -> None:
        if monotonic() >= self._forget_at:
            self._forget_at = monotonic() + FORGET_EVERY_SECONDS
            journal.forget_old()
            journal.forget_decisions()


def _drop(entries: "deque[RunEntry] | deque[LineEntry]", count: int) -> None:
    for _ in range(min(count, len(entries))):
        entries.popleft()
