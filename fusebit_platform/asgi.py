"""The management API as an ASGI application: requests run on a fixed set of threads, routed by their raw path."""

import asyncio
import io
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from django.core import signals
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)

THREADS = 8
DRAIN_LIMIT = 16 * 1024 * 1024  # of a body that is refused anyway, so that its sender can read why
NO_BODY = {204, 304}


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Application:
    """Answers HTTP requests with the endpoints of `urls`, without middleware.

    The path is matched as it came, still percent-encoded, because issuer ids contain encoded slashes. Every thread
    keeps its database connection.
    """

    def __init__(self) -> None:
        from fusebit_platform.api import bodies, transport
        from fusebit_platform.errors import NotFound

        self._resolver = URLResolver(RegexPattern(r""), "fusebit_platform.urls")
        self._not_found = NotFound().body()
        self._read_limit = bodies.READ_LIMIT
        self._transport = transport
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="management")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection event."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            try:
                body = await self._read(receive)
            except Disconnected:
                return
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(self._threads, self.respond, scope, body)
            if isinstance(response, self._transport.Stream) and scope["method"] != "HEAD":
                await _stream(response, receive, send)
            else:
                await _send(response, send)

    def respond(self, scope: Message, body: bytes) -> HttpResponse:
        """Return the answer to a request whose body was read; runs on a thread."""
        signals.request_started.send(sender=type(self), scope=scope)
        try:
            request = ASGIRequest(scope, io.BytesIO(body))
            request.path = request.path_info = raw_path(scope)
            try:
                match = self._resolver.resolve(request.path_info)
            except Resolver404:
                response = self._transport.add_etag(request, self._transport.answer(self._not_found, 404))
                self._transport.allow_every_origin(response)
                return response
            endpoint: HttpResponse = match.func(request, *match.args, **match.kwargs)
            return endpoint
        finally:
            signals.request_finished.send(sender=type(self))

    def close(self) -> None:
        """Let every stream end, so that the server can."""
        from fusebit_platform.api.tail import tail

        tail.close()

    async def _read(self, receive: Receive) -> bytes:
        """Return the body, cut just above what any route accepts, so that it is refused and never kept."""
        content, seen = bytearray(), 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            seen += len(part)
            if len(content) <= self._read_limit:
                content += part
            if not message.get("more_body", False) or seen > DRAIN_LIMIT:
                return bytes(content)


def raw_path(scope: Message) -> str:
    """Return the path of the request line without its query."""
    raw: bytes = scope.get("raw_path") or str(scope["path"]).encode()
    return raw.partition(b"?")[0].decode("latin-1")


async def _stream(response: Any, receive: Receive, send: Send) -> None:
    """Send the head at once and every event in one write as it comes, until the events or the client end."""
    await send({"type": "http.response.start", "status": response.status_code, "headers": _headers(response)})
    sending = asyncio.ensure_future(_forward(response.events, send))
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        await response.events.aclose()
    await send({"type": "http.response.body", "body": b""})


async def _forward(events: AsyncIterator[bytes], send: Send) -> None:
    async for event in events:
        await send({"type": "http.response.body", "body": event, "more_body": True})


def _headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]


async def _send(response: HttpResponse, send: Send) -> None:
    headers = _headers(response)
    if response.status_code not in NO_BODY and not response.has_header("Content-Length"):
        headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def get_application() -> Application:
    """Return the application, with Django set up for it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fusebit_platform.settings")
    if not django.apps.apps.ready:
        django.setup()
    return Application()
