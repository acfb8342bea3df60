"""Frames on their way to a worker: few system calls, and yet the process works while the platform reads on."""

import asyncio
import socket

TOGETHER = 4  # frames in one system call


class Outgoing:
    """The sending half of a frame channel."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there has been a channel."""
        return self._transport is not None

    def open(self, transport: asyncio.WriteTransport, channel: socket.socket) -> None:
        """Send on a socket that belongs to a transport."""
        self._transport, self._socket = transport, channel

    def add(self, frame: bytes) -> None:
        """Send a frame together with a few others, at the latest when this turn of the event loop ends."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(frame)
        if len(self._waiting) == TOGETHER:
            self._flush()

    def _flush(self) -> None:
        together, self._waiting = b"".join(self._waiting), []
        if together:
            self._send(together)

    def _send(self, data: bytes) -> None:
        """Send now what the socket takes: the transport would wait until all that has come is worked on."""
        transport, channel = self._transport, self._socket
        if transport is None or channel is None or transport.is_closing():
            return
        if not transport.get_write_buffer_size():
            try:
                data = data[channel.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return  # the process is gone; the transport hears of it as well
        if data:
            transport.write(data)
