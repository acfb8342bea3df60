"""What a function prints and how it is called, as server-sent events: signs of life, an end that says why."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from tenants.models import Function
from tenants.services import tails

ALIVE_S = 5.0
CHECK_S = 10.0  # whoever lost their access must not read on for longer than a quarter of a minute
LIFE_S = 1800.0
GONE = "You are signed out, or this function is gone."
TOO_MANY = "Too many people follow this workspace just now."


async def follow(*, function: Function, after: str, may_still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """Yield events after `after` for half an hour at most, or until `may_still`, asked every ten seconds, says no."""
    items = tails.follow(function=function, after=after)
    began = checked = time.monotonic()
    upcoming = asyncio.ensure_future(anext(items))
    try:
        yield b"retry: 1000\n\n"
        while time.monotonic() - began < LIFE_S:
            done, _ = await asyncio.wait({upcoming}, timeout=ALIVE_S)
            if done:
                yield _event(upcoming.result())
                upcoming = asyncio.ensure_future(anext(items))
            else:
                yield b": alive\n\n"
            if time.monotonic() - checked > CHECK_S:
                checked = time.monotonic()
                if not await may_still():
                    yield _event(tails.Item("end", data={"reason": GONE}))
                    return
    except tails.TooMany:
        yield _event(tails.Item("end", data={"reason": TOO_MANY}))
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await items.aclose()


def position(text: str) -> str:
    """Return a position that was told before, from a header or a query; empty for anything else."""
    return text if text.isascii() and text.isdecimal() and len(text) <= 18 else ""


def _event(item: tails.Item) -> bytes:
    head = f"id: {item.number}\n" if item.number else ""
    return f"{head}event: {item.kind}\ndata: {json.dumps(item.data or {})}\n\n".encode()
