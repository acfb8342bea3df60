"""From the platform to the process that writes for it, and back: rows in pieces, one byte when they are written.

A piece is a little-endian u32 length and that many bytes of marshal's; a batch ends with a length of 0. Both ends are
the same program on the same interpreter, one the other's child: nothing of it is ever stored, and nobody else speaks.
"""

import marshal
import socket
import struct
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from fusebit_platform.services.journal import LineEntry, RunEntry

HEAD = struct.Struct("<I")
ROWS_AT_ONCE = 200  # other threads wait while a piece is packed
DONE, AWAY = b"+", b"-"  # the batch is written, or the database does not take it now


class Batch(NamedTuple):
    """What is written in one transaction."""

    runs: Sequence[RunEntry]
    lines: Sequence[LineEntry]


def send(channel: socket.socket, batch: Batch) -> None:
    """Send a batch; raise OSError when nobody reads it."""
    for kind, rows in enumerate(batch):
        for start in range(0, len(rows), ROWS_AT_ONCE):
            piece = marshal.dumps((kind, [tuple(row) for row in rows[start : start + ROWS_AT_ONCE]]))
            channel.sendall(HEAD.pack(len(piece)) + piece)
    channel.sendall(HEAD.pack(0))


def receive(stream: IO[bytes]) -> Batch | None:
    """Return the next batch, None when the sender is gone."""
    runs: list[RunEntry] = []
    lines: list[LineEntry] = []
    while (piece := _piece(stream)) is not None:
        if not piece:
            return Batch(runs, lines)
        kind, rows = marshal.loads(piece)  # noqa: S302 - from our own parent
        if kind == 0:
            runs.extend(map(RunEntry._make, rows))
        else:
            lines.extend(map(LineEntry._make, rows))
    return None


def _piece(stream: IO[bytes]) -> Any:
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (size,) = HEAD.unpack(head)
    piece = stream.read(size)
    return piece if len(piece) == size else None
