"""What happens in a boundary as it happens: runs and lines of log as server-sent events, resumable by number."""

import json
import time
from collections.abc import AsyncIterator

from django.http import HttpResponse

from fusebit_platform import authentication
from fusebit_platform.api import transport
from fusebit_platform.api.runs import BoundaryEndpoint, Cursor
from fusebit_platform.api.tail import tail
from fusebit_platform.authorization import permits
from fusebit_platform.errors import PlatformError, TooBusy, Unauthorized
from fusebit_platform.services import policies, runs
from fusebit_platform.services.runs import Boundary
from fusebit_platform.validation import FunctionId, Shape, Text

MAX_STREAMS = 1000
LIFE_SECONDS = 600.0
KEEP_ALIVE_SECONDS = 10.0  # also how often it is asked whether the reader still may
ACTION = "function:get-log"


class EventQuery(Shape):
    """What a stream may be asked; `token` stands in for the header."""

    after: Cursor = None
    function_id: FunctionId | None = None
    token: Text | None = None


class Events(BoundaryEndpoint):
    """`B/event`"""

    actions = {"GET": ACTION}
    takes_query = frozenset({"GET"})
    query_shape = EventQuery
    token_in_query = True

    def get(self) -> HttpResponse:
        """Begin a stream after the number that the reader has seen, or now."""
        runs.require(self.boundary)
        if tail.closing or tail.followers >= MAX_STREAMS:
            raise TooBusy
        latest = runs.latest()
        seen = self._seen()
        stream = Stream(
            boundary=self.boundary,
            position=latest if seen is None else min(seen, latest),
            function_id=self.query.function_id,
            token=self.token() or "",
            account_id=self.caller.account_id,
            resource=self.resource(),
        )
        return transport.Stream(stream.events())

    def _seen(self) -> int | None:
        header = self.http.headers.get("Last-Event-ID", "")
        if header.isascii() and header.isdecimal() and len(header) <= 18:
            return int(header)
        after: int | None = self.query.after
        return after


class Stream:
    """One reader of a boundary's events."""

    def __init__(
        self,
        *,
        boundary: Boundary,
        position: int,
        function_id: str | None,
        token: str,
        account_id: str,
        resource: str,
    ) -> None:
        self._boundary = boundary
        self._place = (boundary.subscription_id, boundary.boundary_id)
        self._position = position
        self._function_id = function_id
        self._token = token
        self._account_id = account_id
        self._resource = resource

    async def events(self) -> AsyncIterator[bytes]:
        """Yield whole events until the reader may no longer read, the server closes, or the time is over."""
        yield b": subscribed\n\n"
        tail.follow(self._place)
        try:
            reason = "closing"
            async for chunk in self._chunks():
                if isinstance(chunk, str):
                    reason = chunk
                else:
                    yield chunk
            yield _event("end", {"reason": reason})
        finally:
            tail.leave(self._place)

    async def _chunks(self) -> AsyncIterator[bytes | str]:
        """Yield events and keep-alives, last of all the reason why there are no more."""
        ends = time.monotonic() + LIFE_SECONDS
        checked = time.monotonic()
        while not tail.closing and time.monotonic() < ends:
            if time.monotonic() - checked >= KEEP_ALIVE_SECONDS:
                checked = time.monotonic()
                refusal = await tail.ask(self._refusal)
                if refusal:
                    yield refusal
                    return
                yield b": keep-alive\n\n"
            mark = tail.reached(self._place)
            found = await tail.ask(
                runs.events_after, boundary=self._boundary, number=self._position, function_id=self._function_id
            )
            if found:
                self._position = found[-1].number
                yield b"".join(_event(event.kind, event.data, event.number) for event in found)
            else:
                left = KEEP_ALIVE_SECONDS - (time.monotonic() - checked)
                await tail.wait(self._place, mark, max(left, 0.01))
        yield "closing" if tail.closing else "time"

    def _refusal(self) -> str:
        """Return why the reader may no longer read, or nothing."""
        try:
            caller = authentication.authenticate(self._token, self._account_id)
            policies.refuse_key(
                subscription_id=self._boundary.subscription_id, boundary_id=self._boundary.boundary_id, kid=caller.kid
            )
            if not permits(caller.access, ACTION, self._resource):
                raise Unauthorized
            runs.require(self._boundary)
        except PlatformError as error:
            return error.message
        return ""


def _event(kind: str, data: object, number: int | None = None) -> bytes:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
