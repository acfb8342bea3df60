"""The HTTP connection: uvicorn's, with /v1/run/ diverted to the gateway and a bound on everything."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fusebit_platform.gateway import answers, repeats, routing
from fusebit_platform.gateway.exchange import Exchange, Head, expects_continue, read_head
from fusebit_platform.gateway.flow import Gateway
from fusebit_platform.gateway.outbox import Outbox

MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 * 1024
MAX_TARGET_BYTES = 16 * 1024
MAX_PIPELINED = 1000
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
IDLE_SECONDS = 75.0
WRITE_SECONDS = 30.0


class Connection(HttpToolsProtocol):
    """Divert requests whose target begins with /v1/run/; leave every other one to the ASGI application."""

    gateway: ClassVar[Gateway]
    _dated: ClassVar[list[tuple[bytes, bytes]]] = []
    _date_line: ClassVar[bytes] = b""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read_deadline = math.inf
        self.write_deadline = math.inf
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._target_bytes = 0
        self._head: Head
        self._messages = 0  # begun in what is being fed
        self._held = False
        self._outbox: Outbox | None = None
        self._finish: Callable[[], None]

    # --- the request ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start with an idle connection."""
        super().connection_made(transport)
        self.read_deadline = self.loop.time() + IDLE_SECONDS

    def data_received(self, data: bytes) -> None:
        """Take up a request that came before, or feed the parser: between two requests it has nothing in mind."""
        if self._in_head or self._in_body or not (self.cycle is None or self.cycle.response_complete):
            self._feed(data)
            return
        head = repeats.find(data)
        if head is not None:
            self._begin(head, keep_alive=True).end_body()
            return
        self._messages = 0
        self._feed(data)
        cycle = self.cycle
        if self._messages == 1 and isinstance(cycle, Exchange) and cycle.keep_alive and cycle.is_whole:
            repeats.remember(data, self._head)

    def _feed(self, data: bytes) -> None:
        """Feed the parser; a head that does not end is refused."""
        counted = self._in_head
        if self.parser is None:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # answered as if it had not asked; what follows is no request
        except TooMuch as much:
            self.refuse(much.status, str(much))
        except httptools.HttpParserError as error:
            self._refuse_unparsable(error)
        else:
            if self._in_head:
                self._head_bytes = self._head_bytes + len(data) if counted else 0
                if self._head_bytes > MAX_HEAD_BYTES:
                    self.refuse(431, "The request's header fields are too large.")

    def _refuse_unparsable(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        if isinstance(cause, TooMuch):
            self.refuse(cause.status, str(cause))
        else:
            self.refuse(400, "Invalid HTTP request received.")

    def refuse(self, status: int, message: str) -> None:
        """End the connection with an error, unless another response is in the making."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = answers.error_body(status, message)
            length = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            lines = self.date_line() + answers.NOSNIFF + answers.JSON_TYPE + length
            self.transport.write(answers.STATUS_LINES[status] + lines + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request; its head has to be there in time."""
        self._messages += 1
        self.url = b""
        self.headers = []
        self._in_head = True
        self._head_bytes = 0
        self._target_bytes = 0
        self.read_deadline = self.loop.time() + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self.url += url
        if len(self.url) > MAX_TARGET_BYTES:
            raise TooMuch(414, "The request target is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self.headers.append((name.lower(), value))
        self._target_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._target_bytes > MAX_HEAD_BYTES:
            raise TooMuch(431, "The request's header fields are too many or too large.")

    def on_headers_complete(self) -> None:
        """Choose between the gateway and the application."""
        self._in_head = False
        self._in_body = True
        self.read_deadline = self.loop.time() + BODY_SECONDS
        if not self.url.startswith(routing.PREFIX):
            self._leave_to_application()
            return
        method = self.parser.get_method().decode("ascii")
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        self._head = read_head(method, self.url, tuple(self.headers))
        self._begin(self._head, keep_alive=keep_alive)

    def _begin(self, head: Head, *, keep_alive: bool) -> Exchange:
        previous = self.cycle
        exchange = Exchange(self, self.gateway.accept, head, keep_alive=keep_alive)
        self.cycle = exchange  # type: ignore[assignment]
        if previous is None or previous.response_complete:
            exchange.take_turn()
        elif len(self.pipeline) < MAX_PIPELINED:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]
        else:
            self.transport.abort()
        return exchange

    def _leave_to_application(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url, self.headers = url, headers
        self.expect_100_continue = any(name == b"expect" and expects_continue(value) for name, value in headers)
        self.scope["headers"] = headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        if isinstance(self.cycle, Exchange):
            self.cycle.add_body(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there; what takes time now is ours."""
        self._in_body = False
        self.read_deadline = math.inf
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.end_body()
        else:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if isinstance(cycle, Exchange):
            cycle.take_turn()
        else:
            super()._start_asgi_task(cycle, app)

    # --- the response ---

    def date_line(self) -> bytes:
        """Return the Date header line, which uvicorn renews every second."""
        current = self.server_state.default_headers
        if Connection._dated is not current:
            Connection._dated = current
            Connection._date_line = b"".join([b"%s: %s\r\n" % header for header in current])
        return self._date_line

    def send(self, body: bytes, finish: Callable[[], None]) -> None:
        """Write a large body piece by piece, then `finish`; the worker is free already."""
        self._outbox, self._finish = Outbox(body, self.loop.time()), finish
        if self._outbox.overfull:
            self.transport.abort()
        self._send_on()

    def _send_on(self) -> None:
        while self._outbox is not None and not self.flow.write_paused:
            piece = self._outbox.take()
            if piece:
                self.transport.write(piece)
            else:
                self._drop_outbox()
                self._finish()

    def _drop_outbox(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep nothing for a client that is gone."""
        self._drop_outbox()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        self.server_state.total_requests += 1
        flow = self.flow
        if self.transport.is_closing():
            return
        if flow.write_paused:
            self._held = True  # a client that does not read gets no further responses
            return
        if flow.read_paused or self.pipeline:
            self._continue()
        elif not self._in_head and not self._in_body:
            self.read_deadline = self.loop.time() + IDLE_SECONDS

    def _continue(self) -> None:
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif not self._in_head and not self._in_body:
            self.read_deadline = self.loop.time() + IDLE_SECONDS

    def pause_writing(self) -> None:
        """The client reads too slowly: stop reading from it, and for how long it may be slow."""
        super().pause_writing()
        self.flow.pause_reading()
        self.write_deadline = self.loop.time() + WRITE_SECONDS

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self.write_deadline = math.inf
        self.flow.resume_reading()
        self._send_on()
        if self._held and not self.flow.write_paused:
            self._held = False
            self._continue()

    def sweep(self, now: float) -> None:
        """End the connection when a deadline has passed; called about once a second."""
        if self.write_deadline < now or (self._outbox is not None and self._outbox.deadline < now):
            self.transport.abort()
        elif self.read_deadline < now:
            if self._in_head or self._in_body:
                self.refuse(408, "The request did not arrive in time.")
            self.transport.close()


class TooMuch(Exception):
    """A head is larger than allowed."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)
