"""One request to /v1/run/ and its response, in the place of uvicorn's request-response cycle."""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from fusebit_platform.gateway import answers, bodies
from fusebit_platform.gateway.outbox import CHUNK
from fusebit_platform.gateway.refusals import Refusal
from fusebit_platform.gateway.routing import parse

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
BODILESS = frozenset({204, 304})
TRACE_ID = re.compile(r"[0-9a-f]{32}")
ONLY_FIRST = frozenset(
    [
        "age",
        "authorization",
        "content-length",
        "content-type",
        "etag",
        "expires",
        "from",
        "host",
        "if-modified-since",
        "if-unmodified-since",
        "last-modified",
        "location",
        "max-forwards",
        "proxy-authorization",
        "referer",
        "retry-after",
        "server",
        "user-agent",
    ]
)  # as Node.js reads repeated headers
REMEMBERED_HEADERS = 16  # a client repeats its few headers with every request
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
logger = logging.getLogger(__name__)


class Connection(Protocol):
    """What an exchange needs of its connection."""

    transport: Any

    def date_line(self) -> bytes: ...
    def on_response_complete(self) -> None: ...
    def send(self, body: bytes, finish: Callable[[], None]) -> None: ...


class Event:
    """Stand in for the event on which uvicorn's cycle waits; nobody waits here."""

    def set(self) -> None:
        """Do nothing."""


EVENT = Event()


class Exchange:
    """Collect a request, hand it to the gateway when its turn has come, write one response."""

    message_event = EVENT

    def __init__(
        self,
        connection: Connection,
        accept: Callable[["Exchange"], None],
        *,
        method: str,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.connection = connection
        self.method = method
        self.raw_target = target
        self.raw_headers = headers
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.key = ("", "", "")  # subscription, boundary, function
        self.path = self.url = self.query = ""  # raw, as in ctx (contract 6.3)
        self.headers: Mapping[str, str] = {}
        self.headers_json = b"{"
        self.trace_id = ""
        self.started = time.time()
        self._accept = accept
        self._expects_continue = expects_continue
        self._turn = False
        self._begun = False
        self._answered = False
        self._refusal: Refusal | None = None

    @property
    def body_bytes(self) -> int:
        """Return how much of a body came."""
        return len(self.body)

    # --- the request ---

    def read_head(self) -> None:
        """Check what can be checked before the body is there."""
        self.headers, self.headers_json = read_headers(self.raw_headers)
        self.trace_id = trace_id(self.headers.get("fusebit-trace-id", ""))
        if self.method == "OPTIONS":
            return
        try:
            self.key, self.path, self.url, self.query = parse(self.raw_target)
        except Refusal as refusal:
            self._refusal = refusal
        if self.method not in METHODS:
            self._refusal = Refusal(405, close=True)
        elif int(self.headers.get("content-length", "0")) > bodies.MAX_BODY:
            self._refusal = Refusal(413, bodies.TOO_LARGE, close=True)

    def add_body(self, chunk: bytes) -> None:
        """Take a piece of the body; past the limit the request is refused and the connection ends."""
        if self._refusal is not None:
            return
        self.body += chunk
        if len(self.body) > bodies.MAX_BODY:
            self.body.clear()
            self._refusal = Refusal(413, bodies.TOO_LARGE, close=True)
            self.go()

    def end_body(self) -> None:
        """The request is complete."""
        self.more_body = False
        self.go()

    def take_turn(self) -> None:
        """The responses before this one are written."""
        self._turn = True
        if self._expects_continue and self.more_body and self._refusal is None:
            self.connection.transport.write(CONTINUE)
        self.go()

    def go(self) -> None:
        """Begin when it is this request's turn and all of it is there, or when it is refused."""
        hopeless = self._refusal is not None and self._refusal.close
        if self._begun or not self._turn or (self.more_body and not hopeless):
            return
        self._begun = True
        try:
            if self._refusal is not None:
                self.refuse(self._refusal)
            elif self.method == "OPTIONS":
                self._preflight()
            else:
                self._accept(self)
        except Exception:  # the edge of the gateway: nothing may reach the parser above
            logger.exception("A request to a function failed in the gateway.")
            self.refuse(Refusal(500, "Internal error", cause="platform"))

    # --- the response ---

    def refuse(self, refusal: Refusal) -> None:
        """Answer with an error of the platform (contract 1.5)."""
        if self._answered:
            return
        if refusal.close:
            self.keep_alive = False
        body = answers.error_body(refusal.status, refusal.message, refusal.code)
        source = f"x-fx-response-source: {refusal.source}\r\n".encode() if refusal.source else b""
        self.respond(refusal.status, answers.CORS + answers.NOSNIFF + answers.JSON_TYPE + source, body)

    def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """Write the response: `lines` are complete header lines. A large body leaves as its client takes it."""
        if self._answered:
            return
        self._answered = True
        transport = self.connection.transport
        if transport.is_closing():
            self.response_complete = True
            return
        head = [answers.STATUS_LINES[status], self.connection.date_line(), lines]
        head.append(f"fusebit-trace-id: {self.trace_id}\r\n".encode())
        if status not in BODILESS:
            head.append(b"content-length: %d\r\n" % len(body))
        head.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        sends = status not in BODILESS and self.method != "HEAD"
        if sends and len(body) > CHUNK:
            transport.write(b"".join(head))
            self.connection.send(body, self.finish)
            return
        if sends:
            head.append(body)
        transport.write(b"".join(head))
        self.finish()

    def finish(self) -> None:
        """All of the response is written."""
        self.response_complete = True
        if not self.keep_alive:
            self.connection.transport.close()
        self.connection.on_response_complete()

    def _preflight(self) -> None:
        self._answered = True
        asked = self.headers.get("access-control-request-headers", "")
        end = b"content-length: 0\r\n\r\n" if self.keep_alive else b"content-length: 0\r\nconnection: close\r\n\r\n"
        date = self.connection.date_line()
        self.connection.transport.write(answers.STATUS_LINES[204] + date + answers.preflight(asked) + end)
        self.finish()


def read_headers(headers: list[tuple[bytes, bytes]]) -> tuple[Mapping[str, str], bytes]:
    """Return the headers by lower-cased name, and the same as JSON but for the trace id and the closing brace."""
    return _remembered(tuple(headers)) if len(headers) <= REMEMBERED_HEADERS else _read(headers)


@lru_cache(maxsize=2048)
def _remembered(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[Mapping[str, str], bytes]:
    return _read(headers)


def _read(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Mapping[str, str], bytes]:
    known: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in known:
            known[name] = value
        elif name == "cookie":
            known[name] = f"{known[name]}; {value}"
        elif name not in ONLY_FIRST:
            known[name] = f"{known[name]}, {value}"
    passed_on = {name: value for name, value in known.items() if name != "fusebit-trace-id"}
    written = json.dumps(passed_on)[:-1]
    return known, (written + ("," if passed_on else "")).encode()


def trace_id(incoming: str) -> str:
    """Keep the first part of an incoming trace id, and make a new span (contract 1.6)."""
    fresh = os.urandom(24).hex()
    first = incoming.partition(".")[0]
    if TRACE_ID.fullmatch(first):
        return f"{first}.{fresh[32:]}"
    return f"{fresh[:32]}.{fresh[32:]}"
