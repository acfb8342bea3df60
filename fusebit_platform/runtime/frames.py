"""The wire between the platform and a worker: length-prefixed frames over an inherited socket.

A frame is a little-endian u32 length of what follows, a u8 kind, a u32 call number, and a payload.
"""

import struct
from enum import IntEnum

from fusebit_platform.runtime.errors import BadFrame

MAX_FRAME = 6 * 1024 * 1024 + 256 * 1024  # the largest response and its headers
HEAD = struct.Struct("<IBI")
HEAD_BYTES = HEAD.size
ANSWER_HEAD = struct.Struct("<HBI")


class Kind(IntEnum):
    """Kinds below 16 go to the worker, the others come from it."""

    LOAD = 1
    CALL = 2
    PING = 3
    WARM = 4
    READY = 16
    ANSWER = 17
    LOG = 18
    PONG = 19
    RETIRE = 20


Frame = tuple[int, int, bytes]  # kind, call, payload, as a worker sent it: nothing has been checked but its size


def encode(kind: int, call: int, payload: bytes) -> bytes:
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
            if len(self._rest) < _needed(self._rest):
                return []
            chunk = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        at, end = 0, len(chunk)
        while end - at >= HEAD_BYTES:
            length, kind, call = HEAD.unpack_from(chunk, at)
            stop = at + _whole(length)
            if stop > end:
                break
            frames.append((kind, call, chunk[at + HEAD_BYTES : stop]))
            at = stop
        if at < end:
            self._rest += chunk[at:] if at else chunk
        return frames


def _needed(chunk: bytes | bytearray) -> int:
    """Return how many bytes the frame takes that `chunk` begins with, as far as that can be told."""
    if len(chunk) < HEAD_BYTES:
        return HEAD_BYTES
    return _whole(int.from_bytes(chunk[:4], "little"))


def _whole(length: int) -> int:
    """Return the bytes of a frame that claims `length`."""
    if not 5 <= length <= MAX_FRAME:
        raise BadFrame("A worker sent a frame of an impossible size.")
    return 4 + length
