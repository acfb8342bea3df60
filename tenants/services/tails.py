"""Live logs: one stream from Fusebit for each tenant and process, shared by everybody who follows it here.

A reader thread per tenant that somebody follows; listeners are queues on the event loop of the site. Numbers are
Fusebit's own, so that a listener can resume at any process of the site after its last one.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from fusebit_bridge import door
from tenants.models import Function, Release, Tenant
from tenants.services import deployments, secrets

QUEUE = 2_000  # events a slow browser may be behind before it has to reconnect
REMEMBERED = 2_000
BACKLOG = 500
SILENCE_S = 0.5  # after which everything that lay ready has been sent
WAIT_S = (0.5, 1.0, 2.0, 5.0, 10.0)
LISTENERS_PER_TENANT = 100
FRESH_S = 0.2  # for which nothing is asked again about a version that this site does not know

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """`kind` is log, run, connected, waiting or behind; `number` is empty for what cannot be resumed after."""

    kind: str
    number: str = ""
    data: dict[str, Any] | None = None


class TooMany(Exception):
    """As many people follow this tenant as may."""


class Listener:
    """One browser's queue, filled from the reader's thread."""

    def __init__(self, function_name: str) -> None:
        self.function_name = function_name
        self.queue: asyncio.Queue[Item] = asyncio.Queue(QUEUE)
        self._loop = asyncio.get_running_loop()

    def offer(self, item: Item) -> None:
        """Hand the item over; called from any thread, perhaps when the loop has just ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, item)

    def wants(self, data: dict[str, Any] | None) -> bool:
        """Tell whether the item is about the function that is followed."""
        return data is None or data.get("functionId") == self.function_name

    def _put(self, item: Item) -> None:
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            item = Item("behind")
        self.queue.put_nowait(item)


class Channel:
    """The stream of one tenant's boundary, read while somebody listens."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._recent: deque[Item] = deque(maxlen=REMEMBERED)
        self._last = ""
        self._floor = ""  # what the first listener had seen: where to go on while there is no last number
        self._was_connected = False
        self._state = Item("waiting")

    def join(self, listener: Listener, after: str) -> list[Item] | None:
        """Add the listener and return what it missed since `after`, nothing where that is empty.

        Return None when that is longer ago than is remembered here.
        """
        with self._lock:
            if len(self._listeners) >= LISTENERS_PER_TENANT:
                raise TooMany
            self._listeners.add(listener)
            listener.offer(self._state)
            self._floor = self._floor or after
            if self._thread is None:
                self._thread = threading.Thread(target=self._read, name="tail", daemon=True)
                self._thread.start()
            known = [item for item in self._recent if item.number]
        if not after:
            return []
        if not known or int(after) < int(known[0].number):
            return None
        return [item for item in known if int(item.number) > int(after) and listener.wants(item.data)]

    def leave(self, listener: Listener) -> None:
        """Remove the listener; the reader notices at the next sign of life that nobody is left."""
        with self._lock:
            self._listeners.discard(listener)

    def backlog(self, after: str, function_name: str) -> list[Item] | None:
        """Ask Fusebit itself what a listener missed; None when it does not answer."""
        found: list[Item] = []
        try:
            stream = self._session().events(after=after, function=function_name, seconds=SILENCE_S)
        except door.FusebitError:
            return None
        try:
            for event in stream:
                if event.kind == "end":
                    break
                if len(found) >= BACKLOG:
                    found.append(Item("behind"))
                    break
                if event.kind:
                    found.append(Item(event.kind, event.number, event.data))
        except door.FusebitError:
            pass  # silence: that was all
        finally:
            stream.close()
        return found

    def _read(self) -> None:
        """Read and hand out until nobody listens; a stream that ends is opened again after its last number."""
        failures = 0
        while self._goes_on():
            try:
                self._read_once()
                failures = 0
            except door.FusebitError:
                self._tell(Item("waiting"))
                threading.Event().wait(WAIT_S[min(failures, len(WAIT_S) - 1)])
                failures += 1
            except Exception:
                log.exception("Following the events of a boundary failed.")
                threading.Event().wait(WAIT_S[-1])

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._listeners:
                self._thread = None
            return bool(self._listeners)

    def _read_once(self) -> None:
        stream = self._session().events(after=self._last or (self._floor if self._was_connected else ""))
        self._was_connected = True
        try:
            self._tell(Item("connected"))
            for event in stream:
                if event.kind == "end" or not self._listeners:
                    return
                if event.kind:
                    self._tell(Item(event.kind, event.number, event.data))
        finally:
            stream.close()

    def _tell(self, item: Item) -> None:
        with self._lock:
            if item.number:
                self._last = item.number
                self._recent.append(item)
            else:
                self._state = item
            for listener in self._listeners:
                if listener.wants(item.data):
                    listener.offer(item)

    def _session(self) -> door.TenantSession:
        """Return a session; the connection to the database is given back, for a stream lasts long."""
        try:
            return deployments.session_for(self._tenant.pk, self._tenant.boundary_id, None)
        finally:
            connections.close_all()


_channels: dict[Any, Channel] = {}
_channels_lock = threading.Lock()


def _channel(tenant: Tenant) -> Channel:
    with _channels_lock:
        return _channels.setdefault(tenant.pk, Channel(tenant))


async def follow(*, function: Function, after: str) -> AsyncGenerator[Item, None]:
    """Yield what the function prints and how it is called, from `after` on (empty: from now on), for ever.

    Texts are masked. Raise TooMany.
    """
    listener, channel = Listener(function.name), _channel(function.tenant)
    words = await sync_to_async(_Words)(function)
    try:
        missed = channel.join(listener, after)
        if missed is None:
            async for state in _until_connected(listener):
                yield state
            while (missed := await asyncio.to_thread(channel.backlog, after, function.name)) is None:
                await asyncio.sleep(WAIT_S[1])
        reached = int(after or 0)
        for item in missed:
            reached = max(reached, int(item.number or 0))
            yield words.of(item)
        while True:
            item = await listener.queue.get()
            if not item.number or int(item.number) > reached:
                if not words.knows(item):  # a version that went live meanwhile, perhaps with secrets of its own
                    words = await sync_to_async(_Words)(function)
                yield words.of(item)
    finally:
        channel.leave(listener)


async def _until_connected(listener: Listener) -> AsyncGenerator[Item, None]:
    """Yield how the stream stands until it is open: what is asked for only then leaves no gap before its first item."""
    while True:
        item = await listener.queue.get()
        yield item
        if item.kind == "connected":
            return


class _Words:
    """Makes an event fit to be shown: without secrets, and with our number of the version."""

    def __init__(self, function: Function) -> None:
        self._mask = secrets.mask_of(function)
        releases = Release.objects.filter(function=function).select_related("version").order_by("at")
        self._versions = {release.remote_version: release.version.number for release in releases}
        self._fresh_until = time.monotonic() + FRESH_S

    def knows(self, item: Item) -> bool:
        """Tell whether the item is of a version that was there before; what is not ours is looked for seldom."""
        version = (item.data or {}).get("version")
        return version is None or version in self._versions or time.monotonic() < self._fresh_until

    def of(self, item: Item) -> Item:
        """Return the item as it may leave the site."""
        if item.data is None:
            return item
        shown = {**item.data, "version": self._versions.get(item.data.get("version"), None)}
        for name in ("msg", "message"):
            if isinstance(shown.get(name), str):
                shown[name] = self._mask(shown[name])
        return Item(item.kind, item.number, shown)
