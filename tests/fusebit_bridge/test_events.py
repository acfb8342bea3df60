"""Server-sent events as Fusebit sends them: whole events, signs of life, and nothing that is neither."""

from dataclasses import dataclass, field

import pytest
import urllib3

from fusebit_bridge.errors import UnexpectedAnswer, Unreachable
from fusebit_bridge.events import ALIVE, Event, EventStream, parsed


@dataclass
class Raw:
    """What a response's body gives, piece by piece."""

    pieces: list[bytes] = field(default_factory=list)
    error: Exception | None = None

    def read1(self, _size: int, *, decode_content: bool) -> bytes:
        """Return the next piece, at the end nothing."""
        assert decode_content is False
        if not self.pieces and self.error:
            raise self.error
        return self.pieces.pop(0) if self.pieces else b""


@dataclass
class Response:
    """As much of a response as a stream needs."""

    raw: Raw
    closed: bool = False

    def close(self) -> None:
        """Remember that it was."""
        self.closed = True


def read(*pieces: bytes, error: Exception | None = None) -> list[Event]:
    """The events in these pieces."""
    return list(EventStream(Response(Raw(list(pieces), error))))  # type: ignore[arg-type]  # stands in for one


def test_events_are_put_together_however_they_are_cut() -> None:
    sent = b': subscribed\n\nid: 7\nevent: log\ndata: {"msg": "a: b"}\n\nevent: end\ndata: {}\n\n'

    whole = read(sent)

    assert whole == [ALIVE, Event("log", "7", {"msg": "a: b"}), Event("end", "", {})]
    assert read(*(sent[at : at + 1] for at in range(len(sent)))) == whole


@pytest.mark.parametrize("block", ["event: log\ndata: {", "event: log\ndata: []", "event: log\ndata: 1"])
def test_what_is_not_an_event_is_refused(block: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        parsed(block)


def test_an_event_without_an_end_is_refused() -> None:
    with pytest.raises(UnexpectedAnswer):
        read(*[b"x" * 600_000] * 3)


@pytest.mark.parametrize("error", [urllib3.exceptions.ReadTimeoutError(None, "", ""), ConnectionResetError()])  # type: ignore[arg-type]
def test_a_stream_that_breaks_or_is_silent_says_so_after_what_came(error: Exception) -> None:
    stream = iter(EventStream(Response(Raw([b": alive\n\n"], error))))  # type: ignore[arg-type]  # stands in for one

    assert next(stream) == ALIVE
    with pytest.raises(Unreachable):
        next(stream)
