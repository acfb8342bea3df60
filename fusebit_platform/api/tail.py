"""Wakes the streams of a process when their boundary got something new, whichever process wrote it."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import Error as DatabaseUnavailable
from django.db import close_old_connections

from fusebit_platform.services import runs

POLL_SECONDS = 0.25
THREADS = 2
Place = tuple[str, str]
log = logging.getLogger(__name__)


class Tail:
    """Looks at the journal's last number while anybody waits, and tells those whose boundary is concerned."""

    def __init__(self) -> None:
        self.closing = False
        self._threads: ThreadPoolExecutor | None = None
        self._waiting: dict[Place, set[asyncio.Future[None]]] = {}
        self._reached: dict[Place, int] = {}  # the highest number known, of the boundaries that are followed
        self._followers: dict[Place, int] = {}
        self._last = -1
        self._task: asyncio.Task[None] | None = None

    @property
    def followers(self) -> int:
        """Count the streams."""
        return sum(self._followers.values())

    async def ask(self, question: Callable[..., Any], **arguments: Any) -> Any:
        """Ask the database in a thread."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tail")

        def answer() -> Any:
            close_old_connections()
            return question(**arguments)

        return await asyncio.get_running_loop().run_in_executor(self._threads, answer)

    def follow(self, place: Place) -> None:
        """Count one more stream of the boundary."""
        self._followers[place] = self._followers.get(place, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    def leave(self, place: Place) -> None:
        """Count one stream less."""
        self._followers[place] -= 1
        if not self._followers[place]:
            del self._followers[place]
            self._reached.pop(place, None)

    def reached(self, place: Place) -> int:
        """Return a mark to wait after."""
        return self._reached.get(place, 0)

    async def wait(self, place: Place, mark: int, seconds: float) -> None:
        """Return when the boundary got something after `mark`, the server closes, or the time is over."""
        if self.closing or self.reached(place) > mark:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(place, set()).add(waiter)
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            waiter.cancel()
            waiters = self._waiting.get(place, set())
            waiters.discard(waiter)
            if not waiters:
                self._waiting.pop(place, None)

    def close(self) -> None:
        """Let every stream end."""
        self.closing = True
        self._wake(set(self._waiting))
        if self._task is not None:
            self._task.cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=False)  # who has asked is answered

    async def _look(self) -> None:
        self._last = -1
        while self._followers:
            try:
                await self._step()
            except DatabaseUnavailable:
                log.warning("The journal can not be read; streams wait.", exc_info=True)
            await asyncio.sleep(POLL_SECONDS)

    async def _step(self) -> None:
        latest = await self.ask(runs.latest)
        if latest == self._last:
            return
        if self._last < 0:  # just begun: whoever follows looks once more
            touched = set(self._followers)
        else:
            touched = await self.ask(runs.touched_between, number=self._last, highest=latest)
        self._last = latest
        for place in touched & set(self._followers):
            self._reached[place] = latest
        self._wake(touched)

    def _wake(self, places: set[Place]) -> None:
        for place in places:
            for waiter in self._waiting.get(place, ()):
                if not waiter.done():
                    waiter.set_result(None)


tail = Tail()
