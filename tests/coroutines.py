"""Runs coroutines that touch rows, and gives back the connections of all threads that they used."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

T = TypeVar("T")


def completed(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns."""

    async def main() -> T:
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(main())


async def in_thread(act: Callable[[], T]) -> T:
    """Return what `act` returns, done beside the loop."""

    def do() -> T:
        try:
            return act()
        finally:
            connections.close_all()

    return await asyncio.to_thread(do)
