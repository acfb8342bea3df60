"""Names to addresses, on threads of its own and so that one boundary cannot keep them all busy."""

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from weakref import WeakValueDictionary

from fusebit_platform.egress.rules import Target

THREADS = 32
PER_BOUNDARY = 4  # questions at a time; further ones wait
SECONDS = 5.0


class Unreachable(Exception):
    """A host cannot be found or does not answer; `code` is what Node.js calls it."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Resolver:
    """Ask the machine's resolver."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="egress-names")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def addresses(self, boundary: str, target: Target) -> list[str]:
        """Return every address of a host, at least one; raise Unreachable."""
        with contextlib.suppress(ValueError):
            return [str(ip_address(target.host))]
        try:
            found = await asyncio.wait_for(self._ask(boundary, target), SECONDS)
        except TimeoutError:
            raise Unreachable("ETIMEDOUT", f"the name {target.host} was not found in time.") from None
        except (OSError, UnicodeError):
            raise Unreachable("ENOTFOUND", f"getaddrinfo ENOTFOUND {target.host}") from None
        return list(dict.fromkeys(found))

    async def _ask(self, boundary: str, target: Target) -> list[str]:
        turns = self._turns.get(boundary)
        if turns is None:
            turns = self._turns[boundary] = asyncio.Semaphore(PER_BOUNDARY)
        await turns.acquire()
        loop = asyncio.get_running_loop()

        def released(_: object) -> None:  # when the thread is free again, whether or not somebody still waits
            with contextlib.suppress(RuntimeError):  # the platform has ended meanwhile
                loop.call_soon_threadsafe(turns.release)

        question = self._threads.submit(
            socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        question.add_done_callback(released)
        return [str(entry[4][0]) for entry in await asyncio.wrap_future(question)]

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
