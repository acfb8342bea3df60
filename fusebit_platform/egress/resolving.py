"""Names to addresses, on threads of its own and so that one boundary cannot keep them all busy."""

import asyncio
import contextlib
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from fusebit_platform.egress.rules import Denied, Target

THREADS = 32
PER_BOUNDARY = 4
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
        self._asking: Counter[str] = Counter()

    async def addresses(self, boundary: str, target: Target) -> list[str]:
        """Return every address of a host, at least one; raise Unreachable or Denied."""
        if self._asking[boundary] >= PER_BOUNDARY:
            raise Denied(f"at most {PER_BOUNDARY} names may be looked up at a time.")
        self._asking[boundary] += 1
        question = self._threads.submit(
            socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        loop = asyncio.get_running_loop()

        def answered(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the platform has ended meanwhile
                loop.call_soon_threadsafe(self._answered, boundary)

        question.add_done_callback(answered)
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(question), SECONDS)
        except TimeoutError:
            raise Unreachable("ETIMEDOUT", f"the name {target.host} was not found in time.") from None
        except (OSError, UnicodeError):
            raise Unreachable("ENOTFOUND", f"getaddrinfo ENOTFOUND {target.host}") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _answered(self, boundary: str) -> None:
        self._asking[boundary] -= 1
        if not self._asking[boundary]:
            del self._asking[boundary]

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
