"""Takes what happened off the hot path and hands it to the process that writes it down, a few times a second."""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Protocol

from fusebit_platform.gateway.records import Records
from fusebit_platform.scribe import wire
from fusebit_platform.services import journal, live_logs
from fusebit_platform.services.journal import LineEntry, RunEntry

EVERY_SECONDS = 0.25
BUSY_SECONDS = 0.75  # after a batch of many calls, of which a boundary keeps the latest only
MANY_CALLS = 2_000
PENDING = 50_000  # of each kind; the oldest are lost when the database stays away
AGAIN_SECONDS = 1.0  # after a batch that was not taken
QUIET_SECONDS = 600.0  # after which even nothing is handed over: whoever writes forgets in time
PATIENCE_SECONDS = 60.0  # for one batch, a database that is busy included
LAST_SECONDS = 2.0  # the same when the platform stops
log = logging.getLogger(__name__)


class Pen(Protocol):
    """What writes batches down."""

    def write(self, batch: wire.Batch, patience: float) -> bool: ...
    def close(self) -> None: ...


class WriterProcess:
    """The process that writes; it is started with the first batch, and again when it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def write(self, batch: wire.Batch, patience: float) -> bool:
        """Have a batch written; return False when that did not happen within `patience` seconds."""
        channel = self._running()
        channel.settimeout(patience)
        try:
            wire.send(channel, batch)
            answer = channel.recv(1)
        except OSError:  # a timeout is one
            answer = b""
        if not answer:
            log.warning("The process that writes the journal is gone or hangs; it is started again.")
            self._end(wait=0)
        return answer == wire.DONE

    def close(self) -> None:
        """End it."""
        self._end(wait=LAST_SECONDS)

    def _running(self) -> socket.socket:
        if self._channel is None:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "fusebit_platform.scribe"]
                self._process = subprocess.Popen(  # noqa: S603 - ourselves
                    command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL
                )
            self._channel = ours
        return self._channel

    def _end(self, *, wait: float) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait)
            self._process.kill()
            self._process.wait()
            self._process = None


class Collector:
    """Collects calls and lines of log, and hands them over in batches from a thread of its own."""

    def __init__(self, records: Records, logs: live_logs.Hub, pen: Pen | None = None) -> None:
        self._records = records
        self._pen = pen or WriterProcess()
        self._runs: deque[RunEntry] = deque(maxlen=PENDING)
        self._new_lines: deque[live_logs.Line] = deque(maxlen=PENDING)
        self._lines: deque[LineEntry] = deque(maxlen=PENDING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="collector")
        self._task: asyncio.Task[None] | None = None
        self._handed_over_at = -QUIET_SECONDS
        logs.observe(self._new_lines.append)

    async def start(self) -> None:
        """Begin to collect."""
        self._task = asyncio.get_running_loop().create_task(self._keep_collecting())

    async def close(self) -> None:
        """Hand over what is left and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.hand_over, LAST_SECONDS)
        await loop.run_in_executor(self._thread, self._pen.close)
        self._thread.shutdown()

    async def _keep_collecting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            pause = await asyncio.shield(loop.run_in_executor(self._thread, self.hand_over))
            await asyncio.sleep(pause)

    def hand_over(self, patience: float = PATIENCE_SECONDS) -> float:
        """Have written what came since the last time, and keep what is not taken; say how long to pause then."""
        records = self._records.take()
        self._runs.extend(journal.run_entries(journal.worth_writing(records)))
        self._lines.extend(journal.within_measure(map(journal.line_entry, self._take_lines())))
        batch = wire.Batch(list(self._runs), list(self._lines))
        is_due = batch.runs or batch.lines or monotonic() - self._handed_over_at > QUIET_SECONDS
        if is_due:
            if not self._written(batch, patience):
                return AGAIN_SECONDS
            self._handed_over_at = monotonic()
            _drop(self._runs, len(batch.runs))
            _drop(self._lines, len(batch.lines))
        return EVERY_SECONDS if len(records) < MANY_CALLS else BUSY_SECONDS

    def _written(self, batch: wire.Batch, patience: float) -> bool:
        try:
            return self._pen.write(batch, patience)
        except Exception:  # the edge of the thread: the journal goes on with the next batch
            log.exception("What ran could not be handed over.")
            return False

    def _take_lines(self) -> Iterator[live_logs.Line]:
        while self._new_lines:
            yield self._new_lines.popleft()


def _drop(entries: "deque[RunEntry] | deque[LineEntry]", count: int) -> None:
    for _ in range(min(count, len(entries))):
        entries.popleft()
