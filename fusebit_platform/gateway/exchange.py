"""One request to /v1/run/ and its response, in the place of uvicorn's request-response cycle."""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from fusebit_platform.gateway import answers, bodies
from fusebit_platform.gateway.outbox import CHUNK
from fusebit_platform.gateway.refusals import Refusal
from fusebit_platform.gateway.routing import Target, parse

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
Headers = tuple[tuple[bytes, bytes], ...]  # names in lower case
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
END, CLOSING_END = b"\r\n", b"connection: close\r\n\r\n"
NOWHERE = Target(("", "", ""), "", "", "", b"")
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


class Head(NamedTuple):
    """The head of a request as the gateway needs it."""

    method: str
    headers: Mapping[str, str]  # by name in lower case
    headers_json: bytes  # the same as a member of ctx that lacks the trace id and the closing brace
    target: Target
    refusal: Refusal | None  # why it is answered without a look at its body

    @property
    def is_repeatable(self) -> bool:
        """Tell whether the very same bytes, sent again, need no second look."""
        return self.refusal is None and self.method != "OPTIONS" and "expect" not in self.headers


class Exchange:
    """Collect a request, hand it to the gateway when its turn has come, write one response."""

    __slots__ = (
        "_accept",
        "_answered",
        "_begun",
        "_refusal",
        "_turn",
        "body",
        "connection",
        "disconnected",
        "headers",
        "headers_json",
        "keep_alive",
        "key",
        "members",
        "method",
        "more_body",
        "path",
        "plain_path",
        "response_complete",
        "started",
        "trace_id",
        "url",
    )
    message_event = EVENT

    def __init__(
        self, connection: Connection, accept: Callable[["Exchange"], None], head: Head, *, keep_alive: bool
    ) -> None:
        self.connection = connection
        self.keep_alive = keep_alive
        self.method, self.headers, self.headers_json, target, self._refusal = head
        self.key, self.path, self.plain_path, self.url, self.members = target
        incoming = self.headers.get("fusebit-trace-id")
        self.trace_id = next(TRACE_IDS) if incoming is None else trace_id(incoming)
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.started = time.time()
        self._accept = accept
        self._turn = False
        self._begun = False
        self._answered = False

    @property
    def body_bytes(self) -> int:
        """Return how much of a body came."""
        return len(self.body)

    @property
    def is_whole(self) -> bool:
        """Tell whether all of the request came, and had no body."""
        return not (self.more_body or self.body)

    # --- the request ---

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
        if self.more_body and self._refusal is None:
            if "expect" in self.headers and expects_continue(self.headers["expect"].encode("latin-1")):
                self.connection.transport.write(CONTINUE)
            return
        self.go()

    def go(self) -> None:
        """Begin when it is this request's turn and all of it is there, or when it is refused."""
        refusal = self._refusal
        hopeless = refusal is not None and refusal.close
        if self._begun or not self._turn or (self.more_body and not hopeless):
            return
        self._begun = True
        try:
            if refusal is not None:
                self.refuse(refusal)
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
        connection = self.connection
        transport = connection.transport
        if transport.is_closing():
            self.response_complete = True
            return
        own = f"fusebit-trace-id: {self.trace_id}\r\n"
        if status not in BODILESS:
            own = f"{own}content-length: {len(body)}\r\n"
        end = END if self.keep_alive else CLOSING_END
        head = (answers.STATUS_LINES[status], connection.date_line(), lines, own.encode(), end)
        if self.method == "HEAD" or status in BODILESS:
            body = b""
        if len(body) <= CHUNK:
            transport.write(b"".join((*head, body)))
            self.finish()
        else:
            transport.write(b"".join(head))
            connection.send(body, self.finish)

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


def read_head(method: str, target: bytes, headers: Headers) -> Head:
    """Read what can be read, and check what can be checked, before the body is there."""
    known, written = read_headers(headers)
    if method == "OPTIONS":
        return Head(method, known, written, NOWHERE, None)
    if method not in METHODS:
        return Head(method, known, written, NOWHERE, Refusal(405, close=True))
    try:
        found = parse(target)
    except Refusal as refusal:
        return Head(method, known, written, NOWHERE, refusal)
    too_large = int(known.get("content-length", "0")) > bodies.MAX_BODY
    return Head(method, known, written, found, Refusal(413, bodies.TOO_LARGE, close=True) if too_large else None)


def expects_continue(value: bytes) -> bool:
    """Tell whether an Expect header asks for an interim response (RFC 9110 10.1.1)."""
    return value.lower() == b"100-continue"


def read_headers(headers: Headers) -> tuple[Mapping[str, str], bytes]:
    """Return the headers by lower-cased name, and as a member of ctx that lacks the trace id and the closing brace."""
    return _remembered(headers) if len(headers) <= REMEMBERED_HEADERS else _read(headers)


@lru_cache(maxsize=2048)
def _remembered(headers: Headers) -> tuple[Mapping[str, str], bytes]:
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
    written = f'"headers":{json.dumps(passed_on)[:-1]}'
    return known, (written + ("," if passed_on else "")).encode()


def trace_id(incoming: str) -> str:
    """Keep the first part of an incoming trace id, and make a new span (contract 1.6)."""
    fresh = next(TRACE_IDS)
    first = incoming.partition(".")[0]
    return f"{first}{fresh[32:]}" if TRACE_ID.fullmatch(first) else fresh


def _trace_ids() -> Iterator[str]:
    """Yield new ids for ever; the kernel is asked for the chance of many at once."""
    while True:
        digits = os.urandom(24 * 256).hex()
        for at in range(0, len(digits), 48):
            yield f"{digits[at : at + 32]}.{digits[at + 32 : at + 48]}"


TRACE_IDS = _trace_ids()
