"""From the platform to the process that writes for it, and back: rows in pieces, one byte when they are written.

A piece is a little-endian u32 length and that many bytes of marshal's; a batch ends with a length of 0. Both ends are
the same program on the same interpreter, one the other's child: nothing of it is ever stored, and nobody else speaks.
"""

import marshal
import socket
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any, NamedTuple

from fusebit_platform.entries import LineEntry, Place, RunRow, Runs

HEAD = struct.Struct("<I")
ROWS_AT_ONCE = 200  # other threads wait while a piece is packed
DONE, AWAY = b"+", b"-"  # the batch is written, or the database does not take it now


class Batch(NamedTuple):
    """What is written in one transaction."""

    runs: Runs
    lines: Sequence[LineEntry]


def send(channel: socket.socket, batch: Batch) -> None:
    """Send a batch; raise OSError when nobody reads it."""
    for place, runs in batch.runs.items():
        for rows in _portions(runs):
            _send(channel, (place, rows))
    for rows in _portions(batch.lines):
        _send(channel, (None, rows))
    channel.sendall(HEAD.pack(0))


def receive(stream: IO[bytes]) -> Batch | None:
    """Return the next batch, its rows as plain tuples; None when the sender is gone."""
    runs: dict[Place, list[RunRow]] = {}
    lines: list[LineEntry] = []
    while (piece := _piece(stream)) is not None:
        if not piece:
            return Batch(runs, lines)
        place, rows = marshal.loads(piece)  # noqa: S302 - from our own parent
        if place is None:
            lines.extend(map(LineEntry._make, rows))
        else:
            runs.setdefault(place, []).extend(rows)
    return None


def _portions(rows: Sequence[RunRow] | Sequence[LineEntry]) -> Iterator[list[tuple[Any, ...]]]:
    left = iter(rows)
    while portion := [*map(tuple, islice(left, ROWS_AT_ONCE))]:
        yield portion


def _send(channel: socket.socket, content: tuple[Place | None, list[tuple[Any, ...]]]) -> None:
    piece = marshal.dumps(content)
    channel.sendall(HEAD.pack(len(piece)) + piece)


def _piece(stream: IO[bytes]) -> Any:
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (size,) = HEAD.unpack(head)
    piece = stream.read(size)
    return piece if len(piece) == size else None
