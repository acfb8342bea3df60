"""Carries what functions write, line by line, to whoever is listening right now (contract 7.1)."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fusebit_platform.entries import without_tokens
from fusebit_platform.errors import TooBusy
from fusebit_platform.runtime.builds import Build
from fusebit_platform.services import moments
from fusebit_platform.services.functions import Address

MAX_TAILS = 1000
KEEP_ALIVE_SECONDS = 20.0
LIFETIME_SECONDS = 600.0
MAX_WAITING = 2000  # lines for one listener; the oldest are dropped for one that reads too slowly
MAX_TEXT = 16 * 1024
INFORMATION, ERROR = 30, 50
MOMENT = re.compile(r"[0-9T:.+Z-]{10,40}", re.ASCII)
METHOD = re.compile(r"[A-Z]{1,16}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One entry of a function's log; `revision` names the stored version, `trace_id` the call, if any."""

    account_id: str
    subscription_id: str
    boundary_id: str
    function_id: str
    level: int
    text: str
    time: str
    method: str | None = None
    properties: Mapping[str, Any] | None = None
    revision: str = ""
    trace_id: str = ""

    def event(self) -> bytes:
        """Return the line as one server-sent event; the framing is what Fusebit's command line reads."""
        name = f"application:{self.account_id}:{self.subscription_id}:{self.boundary_id}:{self.function_id}"
        entry: dict[str, Any] = {"name": name}
        if self.method is not None:
            entry["method"] = self.method
        entry |= {"level": self.level, "msg": self.text, "time": self.time}
        if self.properties is not None:
            entry["properties"] = self.properties
        return f"event: log\ndata: {json.dumps(entry)}\n\n".encode()


class Tail:
    """One listener's lines that it has not read yet."""

    def __init__(self, wanted: Callable[[Line], bool]) -> None:
        self.wanted = wanted
        self.dropped = 0
        self.ended = False
        self._waiting: deque[Line] = deque()
        self._news = asyncio.Event()

    def add(self, line: Line) -> None:
        """Keep a line until it is read."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(line)
        self._news.set()

    def end(self) -> None:
        """Let the listener finish after what it has."""
        self.ended = True
        self._news.set()

    async def lines(self, timeout: float) -> list[Line]:
        """Return what is new, or nothing after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return []
        self._news.clear()
        found = [*self._waiting]
        self._waiting.clear()
        return found


class Hub:
    """Hands lines to listeners; all of it happens on one event loop."""

    def __init__(
        self,
        *,
        max_tails: int = MAX_TAILS,
        keep_alive_s: float = KEEP_ALIVE_SECONDS,
        lifetime_s: float = LIFETIME_SECONDS,
    ) -> None:
        self._max_tails = max_tails
        self._keep_alive_s = keep_alive_s
        self._lifetime_s = lifetime_s
        self._tails: set[Tail] = set()
        self._observers: list[Callable[[Line], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on this event loop from now on."""
        self._loop = loop

    def observe(self, observer: Callable[[Line], None]) -> None:
        """Call `observer` on the event loop with every line there will be; it must be quick."""
        self._observers.append(observer)

    def sink(self, build: Build, _call: int, entry: bytes) -> None:
        """Take an entry from a worker process, which may be hostile; what cannot be read is not a line."""
        if self._tails or self._observers:
            line = read_entry(build, entry)
            if line is not None:
                self.publish(line)

    def publish(self, line: Line) -> None:
        """Hand a line to whoever wants it."""
        for observer in self._observers:
            observer(line)
        for tail in self._tails:
            if tail.wanted(line):
                tail.add(line)

    def publish_from_thread(self, lines: list[Line]) -> None:
        """Hand over lines from another thread than the event loop's."""
        if self._loop is not None:
            for line in lines:
                self._loop.call_soon_threadsafe(self.publish, line)

    def check_room(self) -> None:
        """Raise TooBusy when there are as many listeners as there may be."""
        if len(self._tails) >= self._max_tails:
            raise TooBusy

    async def follow(
        self, *, account_id: str, subscription_id: str, boundary_id: str, function_id: str | None
    ) -> AsyncIterator[bytes]:
        """Yield the events of a boundary, or of one of its functions, until the time is up."""
        place = (account_id, subscription_id, boundary_id)

        def wanted(line: Line) -> bool:
            its = (line.account_id, line.subscription_id, line.boundary_id)
            return its == place and function_id in {None, line.function_id}

        tail = Tail(wanted)
        self._tails.add(tail)
        try:
            yield f": subscribed to {subscription_id}/{boundary_id}/{function_id or '*'}\n\n".encode()
            async for chunk in self._events(tail):
                yield chunk
        finally:
            self._tails.discard(tail)

    async def _events(self, tail: Tail) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        end = clock() + self._lifetime_s
        while not tail.ended and (left := end - clock()) > 0:
            lines = await tail.lines(min(self._keep_alive_s, left))
            for line in lines:
                yield line.event()
            if tail.dropped:
                yield f": {tail.dropped} lines were dropped\n\n".encode()
                tail.dropped = 0
            elif not lines and not tail.ended:
                yield b": keep-alive\n\n"

    def close(self) -> None:
        """End every listener's stream."""
        for tail in self._tails:
            tail.end()


def read_entry(build: Build, entry: bytes) -> Line | None:
    """Return an entry of a worker as a line, or None when it is none."""
    try:
        members = json.loads(entry, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    ids = build.context
    address = Address(
        account_id=str(ids.get("accountId", "")),
        subscription_id=str(ids.get("subscriptionId", "")),
        boundary_id=str(ids.get("boundaryId", "")),
        function_id=build.function,
    )
    return line_of(address, members, revision=build.version)


def line_of(address: Address, members: object, *, revision: str = "") -> Line | None:
    """Return an untrusted `{method?, level, msg, time, properties?}` as a line, or None when it is none."""
    if not isinstance(members, dict) or not isinstance(members.get("msg"), str):
        return None
    method, time, properties = (members.get(name) for name in ("method", "time", "properties"))
    trace_id = members.get("trace")
    return Line(
        account_id=address.account_id,
        subscription_id=address.subscription_id,
        boundary_id=address.boundary_id,
        function_id=address.function_id,
        level=ERROR if members.get("level") == ERROR else INFORMATION,
        text=without_tokens(members["msg"][:MAX_TEXT]),
        time=time if isinstance(time, str) and MOMENT.fullmatch(time) else moments.now(),
        method=method if isinstance(method, str) and METHOD.fullmatch(method) else None,
        properties=_flat(properties) if isinstance(properties, dict) else None,
        revision=revision,
        trace_id=trace_id if isinstance(trace_id, str) and len(trace_id) <= 64 else "",
    )


def _flat(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the members that are a scalar or a list of texts; deeper ones are nobody's, and may be without end."""
    return {
        name: value
        for name, value in properties.items()
        if value is None
        or isinstance(value, str | int | float)
        or (isinstance(value, list) and all(isinstance(line, str) for line in value))
    }


hub = Hub()
