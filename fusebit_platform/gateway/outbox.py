"""The rest of a large response, handed out as its client takes it; on disk when too much waits in memory."""

import tempfile
from typing import IO, ClassVar

CHUNK = 256 * 1024
IN_MEMORY = 64 * 1024 * 1024  # of all responses that wait for their clients
ON_DISK = 2 * 1024 * 1024 * 1024
SLOWEST = 16 * 1024  # bytes a second that a client has to take
GRACE_SECONDS = 30.0


class Outbox:
    """What of one response has not been written to its connection."""

    in_memory: ClassVar[int] = 0  # bytes, of all of them
    on_disk: ClassVar[int] = 0

    def __init__(self, body: bytes, now: float) -> None:
        self.deadline = now + GRACE_SECONDS + len(body) / SLOWEST
        self._size = len(body)
        self._at = 0
        self._body: memoryview | None = None
        self._file: IO[bytes] | None = None
        if Outbox.in_memory + self._size <= IN_MEMORY:
            Outbox.in_memory += self._size
            self._body = memoryview(body)
        elif Outbox.on_disk + self._size <= ON_DISK:
            Outbox.on_disk += self._size
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the connection
            self._file.write(body)
            self._file.seek(0)
        else:
            self._at = self._size
        self.overfull = self._body is None and self._file is None  # nowhere to keep it: the connection has to end

    def take(self) -> bytes:
        """Return the next piece, nothing when that was all."""
        if self._at >= self._size:
            return b""
        start, self._at = self._at, min(self._at + CHUNK, self._size)
        if self._body is not None:
            return bytes(self._body[start : self._at])
        return self._file.read(CHUNK) if self._file is not None else b""

    def close(self) -> None:
        """Let go of what is left."""
        if self._body is not None:
            Outbox.in_memory -= self._size
            self._body = None
        if self._file is not None:
            Outbox.on_disk -= self._size
            self._file.close()
            self._file = None
        self._at = self._size
