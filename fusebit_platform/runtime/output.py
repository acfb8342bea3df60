"""What a process prints outside of the console: read as it comes, its end kept for when the process dies."""

import asyncio
import contextlib
import os
from collections.abc import Callable

AT_ONCE = 16384
TAIL = 4096
CRASH = b"<--- "  # begins V8's own account of a crash, which says nothing to a function's author


class Output:
    """The read end of the pipe that carries a process's stdout and stderr; `printed` gets each piece."""

    def __init__(self, descriptor: int, printed: Callable[[str], None]) -> None:
        self.tail = b""
        self._descriptor = descriptor
        self._printed = printed
        asyncio.get_running_loop().add_reader(descriptor, self.read)

    @property
    def last_words(self) -> str:
        """Return the end of what was printed, for operators."""
        return self.tail.decode(errors="replace").strip()[-500:]

    def read(self) -> None:
        """Take what is there."""
        if self._descriptor < 0:
            return
        chunk = b""
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(self._descriptor, AT_ONCE)
            if not chunk:
                self.close()
        self.tail = (self.tail + chunk)[-TAIL:]
        if chunk and CRASH not in self.tail:
            self._printed(chunk.decode(errors="replace").rstrip("\n"))

    def close(self) -> None:
        """Read no further."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
