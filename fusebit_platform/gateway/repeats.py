"""Requests that came before, byte for byte: a client that keeps its connection asks the same thing again and again."""

from fusebit_platform.gateway.exchange import Head

REMEMBERED = 1024
REMEMBERED_BYTES = 2048  # of one request

_heads: dict[bytes, Head] = {}


find = _heads.get  # what whole requests without a body were read as


def remember(request: bytes, head: Head) -> None:
    """Keep what the parser made of one whole request without a body."""
    if len(request) > REMEMBERED_BYTES or not head.is_repeatable:
        return
    if len(_heads) >= REMEMBERED:
        _heads.clear()
    _heads[request] = head
