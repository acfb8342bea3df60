"""Watches the CPU a process uses: one that computes for long steps back behind all others, later it is ended."""

import contextlib
import os
from pathlib import Path

from fusebit_platform.runtime.meter import Meter

DEMOTED_AFTER = 0.2  # seconds of CPU without an answer
IDLE_SECONDS = 2.0  # of CPU that a process may use while it has nothing to do
LAST, USUAL = 15, 0  # six of the last weigh a fifth of one usual process, and yet none starves


class Watch:
    """The CPU of one worker process."""

    def __init__(self, pid: int) -> None:
        self.meter = Meter(pid)
        self.demoted = False
        self._pid = pid
        self._answered_at = 0.0  # what the process had used by then

    def answered(self) -> None:
        """The process has got something done, or has been given something new to do."""
        self._answered_at = self.meter.last

    def look(self) -> float:
        """Return the seconds of CPU used since the last answer; give the process the rank that it deserves."""
        spun = self.meter.total() - self._answered_at
        if (spun > DEMOTED_AFTER) != self.demoted and self._rank(USUAL if self.demoted else LAST):
            self.demoted = not self.demoted
        return spun

    def _rank(self, nice: int) -> bool:
        """Set the rank of the process's session among all others; tell whether that was possible.

        Each worker leads a session of its own, and where the kernel groups tasks by session, nothing else counts.
        """
        with contextlib.suppress(OSError):  # without privileges the kernel takes one such change a tenth of a second
            Path(f"/proc/{self._pid}/autogroup").write_text(str(nice))
            return True
        if Path(f"/proc/{self._pid}/autogroup").exists():
            return False
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._pid, nice)
            return True
        return False
