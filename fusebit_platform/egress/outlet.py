"""One sandbox's way out: its socket, its connections, and what it has used up."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from fusebit_platform.egress.first_bytes import Anything
from fusebit_platform.egress.resolving import Unreachable
from fusebit_platform.egress.rules import Denied, Rules, Target, read_target

MIB = 1024 * 1024
SOCKET = "egress"  # its name in the sandbox's directory
CONNECTIONS = 64
BYTES_PER_CALL = 50 * MIB
MAX_HEAD = 4096
HEAD_SECONDS = 10.0
IDLE_SECONDS = 300.0
CHUNK = 64 * 1024
LINES = 50  # about refusals, until the function has nothing more to do


class Owner(Protocol):
    """The sandbox, as far as its way out has to know it."""

    @property
    def boundary(self) -> str: ...
    @property
    def calls_in_flight(self) -> int: ...
    def egress_refused(self, message: str) -> None: ...


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Way(NamedTuple):
    """A connection that was made."""

    streams: Streams
    gate: Anything  # what may be said on it
    host: str  # that the boundary's rules decide about; "" where they do not


Connect = Callable[["Outlet", Target], Awaitable[Way]]


class Outlet:
    """Serve the connections of one sandbox; before it belongs to a boundary there is nothing to be had."""

    def __init__(self, connect: Connect) -> None:
        self.rules = Rules()
        self.refusals = 0
        self.owner: Owner | None = None
        self.connections = 0
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._hosts: dict[asyncio.Task[None], str] = {}
        self._used = 0
        self._lines = 0

    # --- for the sandbox's owner ---

    async def listen(self, directory: Path, owner_id: int | None) -> None:
        """Listen in the sandbox's directory; `owner_id` is the user of the host that may connect."""
        listener = _bound(directory, owner_id)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=CHUNK)

    def bind(self, owner: Owner) -> None:
        """Begin to serve, for ever this owner."""
        self.owner = owner

    def restrict(self, allow: tuple[str, ...], deny: tuple[str, ...]) -> None:
        """Apply a boundary's rules; connections that they no longer allow end."""
        self.rules = Rules(allow=allow, deny=deny)
        for task, host in self._hosts.items():
            if host and not self.rules.allows(host):
                task.cancel()

    def renew(self) -> None:
        """The sandbox had nothing to do: what it may use is all there again."""
        self._used = self._lines = 0

    def close(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._hosts:
            task.cancel()

    # --- connections ---

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve((reader, writer)))
        self._hosts[task] = ""
        task.add_done_callback(self._hosts.pop)

    async def _serve(self, near: Streams) -> None:
        self.connections += 1
        try:
            await self._tunnel(near)
        except Denied as denied:
            self._refuse(str(denied))
            await _answer(near[1], 403, str(denied), "EGRESS_DENIED")
        except Unreachable as unreachable:
            await _answer(near[1], 502, str(unreachable), unreachable.code)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            pass  # one of the sides went away
        finally:
            self.connections -= 1
            near[1].transport.abort()

    async def _tunnel(self, near: Streams) -> None:
        head = await asyncio.wait_for(near[0].readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        far, gate, host = await self._connect(self, read_target(head[:MAX_HEAD]))
        task = asyncio.current_task()
        if task is not None:
            self._hosts[task] = host
        try:
            near[1].write(b"HTTP/1.1 200 OK\r\n\r\n")
            await _both(self._pump(near[0], far[1], gate), self._pump(far[0], near[1], Anything()))
        except Denied as denied:  # too late to say so in the tunnel
            self._refuse(str(denied))
        finally:
            far[1].transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: Anything) -> None:
        """Carry bytes one way, no faster than they are taken."""
        while chunk := await asyncio.wait_for(reader.read(CHUNK), IDLE_SECONDS):
            self._spend(len(chunk))
            writer.write(gate.pass_on(chunk))
            await writer.drain()
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    def _spend(self, size: int) -> None:
        self._used += size
        calls = self.owner.calls_in_flight if self.owner else 0
        if self._used > BYTES_PER_CALL * max(1, calls):
            raise Denied(f"a call may carry {BYTES_PER_CALL // MIB} MiB over its connections, and this is more.")

    def _refuse(self, reason: str) -> None:
        self.refusals += 1
        self._lines += 1
        if self.owner is not None and self._lines <= LINES:
            self.owner.egress_refused(f"Egress denied: {reason}")


async def _both(out: Awaitable[None], back: Awaitable[None]) -> None:
    """Wait for both directions; when one fails, end the other."""
    directions = [asyncio.ensure_future(out), asyncio.ensure_future(back)]
    try:
        await asyncio.gather(*directions)
    finally:
        for direction in directions:
            direction.cancel()


async def _answer(writer: asyncio.StreamWriter, status: int, reason: str, code: str) -> None:
    writer.write(f"HTTP/1.1 {status} Refused\r\nreason: {reason}\r\ncode: {code}\r\n\r\n".encode())
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.drain(), HEAD_SECONDS)
        writer.write_eof()
        await asyncio.sleep(0)  # let the transport write before it is aborted


def _bound(directory: Path, owner_id: int | None) -> socket.socket:
    """Return a listening socket in the directory, however long its path is."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        path = f"/proc/self/fd/{handle}/{SOCKET}"
        listener.bind(path)
        if owner_id is not None:
            os.chown(path, owner_id, owner_id)
        Path(path).chmod(0o600)
        listener.listen(CONNECTIONS)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(handle)
    return listener
