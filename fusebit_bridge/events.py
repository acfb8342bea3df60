"""What happens in a boundary, as it happens: reads Fusebit's server-sent events (extension `events`)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from fusebit_bridge.errors import UnexpectedAnswer, Unreachable

CHUNK = 64 * 1024
EVENT_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Event:
    """`kind` is run, log or end; an empty kind is a sign of life without news. `number` is what to resume after."""

    kind: str
    number: str
    data: dict[str, Any]


ALIVE = Event("", "", {})


class EventStream:
    """One open stream; iterate it in one thread, `close` it there too.

    It yields ALIVE for every keep-alive, so that the reader can notice that nobody listens any more.
    """

    def __init__(self, response: requests.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[Event]:
        """Yield events until the server ends the stream.

        Raise Unreachable when it breaks or is silent for too long, UnexpectedAnswer for what is not an event.
        """
        pending = b""
        while chunk := self._chunk():
            pending += chunk
            if len(pending) > EVENT_LIMIT:
                raise UnexpectedAnswer("An event is larger than it may be.")
            *blocks, pending = pending.split(b"\n\n")
            for block in blocks:
                yield parsed(block.decode("utf-8", "replace"))

    def _chunk(self) -> bytes:
        try:
            return bytes(self._response.raw.read1(CHUNK, decode_content=False))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: closed meanwhile
            raise Unreachable("The stream of events broke.", detail=type(error).__name__) from None

    def close(self) -> None:
        """Give the connection up."""
        self._response.close()


def parsed(block: str) -> Event:
    """Return the event that the lines of one block make (HTML standard, 9.2.6)."""
    fields = {"event": "", "id": "", "data": ""}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        if name in fields:
            fields[name] += value.removeprefix(" ")
    if not fields["event"]:
        return ALIVE
    try:
        data = json.loads(fields["data"] or "{}")
    except (ValueError, RecursionError):
        raise UnexpectedAnswer("An event is not JSON.") from None
    if not isinstance(data, dict):
        raise UnexpectedAnswer("An event is not a JSON object.")
    return Event(fields["event"], fields["id"], data)
