"""Where the server listens, and how it tells that it answers."""

import asyncio
import contextlib
import os
import socket
import sys
from urllib.parse import urlsplit

import uvicorn

START_SECONDS = 30.0


def listen(port: int) -> list[socket.socket]:
    """Return sockets on 127.0.0.1 and, where there is one, ::1; raise OSError when the port is taken."""
    sockets = [_bound(socket.AF_INET, "127.0.0.1", port)]
    with contextlib.suppress(OSError):
        sockets.append(_bound(socket.AF_INET6, "::1", port))
    return sockets


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"Port {port} of {address} cannot be used: {os.strerror(error.errno or 0)}."
        ) from None
    listener.setblocking(False)
    return listener


async def announce(server: uvicorn.Server, listener: socket.socket, base_url: str) -> None:
    """Print `Ready: URL` once the health check answers."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + START_SECONDS
    while loop.time() < give_up:
        if server.started and await _healthy(listener.getsockname(), urlsplit(base_url).netloc):
            print(f"Ready: {base_url}", flush=True)
            return
        await asyncio.sleep(0.02)
    print("The platform does not answer its own health check.", file=sys.stderr, flush=True)
    server.should_exit = True


async def _healthy(address: tuple[str, int], host: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection(*address[:2])
        writer.write(f"GET /v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
    except (OSError, TimeoutError):
        return False
    return answer.startswith(b"HTTP/1.1 200")
