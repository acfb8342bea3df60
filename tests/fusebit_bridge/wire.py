"""A real HTTP server on loopback that answers what a test tells it, byte for byte if need be."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """One request as it came over the wire; `target` is the raw request target."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """The running server: its URL, what it saw, and the function that answers."""

    url: str
    answer: Callable[[BaseHTTPRequestHandler, Seen], None]
    seen: list[Seen] = field(default_factory=list)


def say(status: int, body: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None) -> Any:
    """Return an answer function for one fixed answer."""

    def answer(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        handler.send_response(status)
        given = {"Content-Type": "application/json", **(headers or {})}
        if "Content-Length" not in given and status not in {204, 304}:
            given["Content-Length"] = str(len(content))
        for name, value in given.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    return answer


def reset(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
    """Break the connection without a byte of answer."""
    linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving() -> Iterator[Wire]:
    """Serve on a free port of loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            seen = Seen(self.command, self.path, list(self.headers.items()), body)
            wire.seen.append(seen)
            wire.answer(self, seen)

        def log_message(self, *_args: Any) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.handle_any)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: Any) -> None:
            pass  # a client that hangs up is what many of these tests are about

    server = Server(("127.0.0.1", 0), Handler)
    wire = Wire(f"http://127.0.0.1:{server.server_address[1]}", say(200, {}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
