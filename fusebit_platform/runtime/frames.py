"""The wire between the platform and a worker: length-prefixed frames over an inherited socket.

A frame is a little-endian u32 length of what follows, a u8 kind, a u32 call number, and a payload.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from fusebit_platform.runtime.errors import BadFrame

MAX_FRAME = 6 * 1024 * 1024 + 256 * 1024  # the largest response and its headers
HEAD = struct.Struct("<IBI")
ANSWER_HEAD = struct.Struct("<HBI")


class Kind(IntEnum):
    """Kinds below 16 go to the worker, the others come from it."""

    LOAD = 1
    CALL = 2
    PING = 3
    READY = 16
    ANSWER = 17
    LOG = 18
    PONG = 19
    RETIRE = 20


class Frame(NamedTuple):
    """One frame as a worker sent it: nothing in it has been checked but its size."""

    kind: int
    call: int
    payload: bytes


def encode(kind: Kind, call: int, payload: bytes) -> bytes:
    """Return the frame's bytes."""
    return HEAD.pack(5 + len(payload), kind, call) + payload


class Decoder:
    """Cut a byte stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes; raise BadFrame on an impossible length."""
        if self._rest:
            self._rest += chunk
            if len(self._rest) < self._needed(self._rest, 0):
                return []
            chunk = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        at, end = 0, len(chunk)
        while end - at >= HEAD.size:
            stop = at + self._needed(chunk, at)
            if stop > end:
                break
            _, kind, call = HEAD.unpack_from(chunk, at)
            frames.append(Frame(kind, call, chunk[at + HEAD.size : stop]))
            at = stop
        if at < end:
            self._rest += chunk[at:] if at else chunk
        return frames

    @staticmethod
    def _needed(chunk: bytes | bytearray, at: int) -> int:
        """Return how many bytes the frame starting at `at` takes, as far as that can be told."""
        if len(chunk) - at < HEAD.size:
            return HEAD.size
        (length,) = struct.unpack_from("<I", chunk, at)
        if not 5 <= length <= MAX_FRAME:
            raise BadFrame("A worker sent a frame of an impossible size.")
        return 4 + int(length)
