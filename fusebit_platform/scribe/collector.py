"""Takes what happened off the hot path and hands it to the process that writes it down, a few times a second."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Protocol

from fusebit_platform.entries import Runs
from fusebit_platform.gateway.records import Records
from fusebit_platform.scribe import wire
from fusebit_platform.services import journal
from fusebit_platform.services.live_logs import Hub, Line

EVERY_SECONDS = 0.25
BUSY_SECONDS = 0.75  # after a batch of many calls, of which a boundary keeps the latest only
MANY_CALLS = 2_000
AGAIN_SECONDS = 1.0  # after a batch that was not taken
QUIET_SECONDS = 600.0  # after which even nothing is handed over: whoever writes forgets in time
PATIENCE_SECONDS = 60.0  # for one batch, a database that is busy included
LAST_SECONDS = 2.0  # the same when the platform stops
MAX_LINES = 50_000  # that wait; the oldest are lost when the database stays away
log = logging.getLogger(__name__)


class Pen(Protocol):
    """What writes batches down."""

    def write(self, batch: wire.Batch) -> bool:
        """Write a batch; return False when it has to be tried again."""

    def drop(self) -> None:
        """End a write that takes too long; from any thread."""

    def close(self) -> None:
        """Write no more."""


class WriterProcess:
    """The process that writes; it is started with the first batch, and again when it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def write(self, batch: wire.Batch) -> bool:
        """Have a batch written; return False when it was not, or nobody can say."""
        channel = self._running()
        try:
            wire.send(channel, batch)
            answer = channel.recv(1)
        except OSError:  # a timeout is one
            answer = b""
        if not answer:
            log.warning("The process that writes the journal is gone or hangs; it is started again.")
            self._end(wait=0)
        return answer == wire.DONE

    def drop(self) -> None:
        """Kill the process."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        self._end(wait=LAST_SECONDS)

    def _running(self) -> socket.socket:
        if self._channel is None:
            ours, theirs = socket.socketpair()
            ours.settimeout(PATIENCE_SECONDS)
            command = [sys.executable, "-m", "fusebit_platform.scribe"]
            with theirs:
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
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(wait)
            self._process.kill()
            self._process.wait()
            self._process = None


class Collector:
    """Collects calls and lines of log, and hands them over in batches from a thread of its own."""

    def __init__(self, records: Records, logs: Hub, pen: Pen | None = None) -> None:
        self._records = records
        self._lines: deque[Line] = deque(maxlen=MAX_LINES)
        self._pen = pen or WriterProcess()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="collector")
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._handed_over_at = -QUIET_SECONDS
        logs.observe(self._lines.append)

    async def start(self) -> None:
        """Begin to collect."""
        self._task = asyncio.get_running_loop().create_task(self._keep_collecting())

    async def close(self) -> None:
        """Hand over what is left and stop."""
        self._closing.set()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=LAST_SECONDS)
            if late:
                self._pen.drop()
                await asyncio.wait(late)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._pen.close)
        self._thread.shutdown()

    async def _keep_collecting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            is_last = self._closing.is_set()
            batch = self.take()
            written = await loop.run_in_executor(self._thread, self.write, batch)
            pause = self.settle(batch, written=written)
            if is_last or (self._closing.is_set() and not written):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()

    def take(self) -> tuple[Runs, Sequence[Line]]:
        """Return what came since the last time; on the event loop."""
        lines = [*self._lines]
        self._lines.clear()
        return self._records.take(), lines

    def write(self, taken: tuple[Runs, Sequence[Line]]) -> bool:
        """Have it written; return False when it has to be tried again; on any thread."""
        runs, lines = taken
        if not runs and not lines and monotonic() - self._handed_over_at < QUIET_SECONDS:
            return True
        try:
            written = self._pen.write(wire.Batch(runs, journal.within_measure(map(journal.line_entry, lines))))
        except Exception:  # the edge of the thread: the journal goes on with the next batch
            log.exception("What ran could not be handed over.")
            return False
        self._handed_over_at = monotonic()
        return written

    def settle(self, taken: tuple[Runs, Sequence[Line]], *, written: bool) -> float:
        """Keep what was not written; say how long to pause before the next batch; on the event loop."""
        runs, lines = taken
        if written:
            return EVERY_SECONDS if sum(map(len, runs.values())) < MANY_CALLS else BUSY_SECONDS
        self._records.put_back(runs)
        since = [*self._lines]
        self._lines.clear()
        self._lines.extend((*lines, *since))
        return AGAIN_SECONDS
