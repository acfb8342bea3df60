"""The CPU time of a worker process, shared equally among the calls it works on at a time."""

import time

FRESH_SECONDS = 0.005  # a reading of another process's clock costs more than one of ours
PROCESS_CLOCK = 2  # CPUCLOCK_SCHED: what the scheduler counted, all threads together


class Meter:
    """Read one process's CPU clock; a call's cost is what `share` grew by while it was in flight."""

    def __init__(self, pid: int) -> None:
        self._clock = (~pid << 3) | PROCESS_CLOCK
        self.last = 0.0  # reading, in seconds
        self.read_at = 0.0  # by time.monotonic()
        self.share = 0.0  # seconds

    def total(self) -> float:
        """Return the seconds of CPU the process has used so far; the last reading when it is gone."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return self.last

    def advance(self, calls: int) -> float:
        """Share what was used since the last time among `calls` and return the new share."""
        now = self.total()
        if calls:
            self.share += (now - self.last) / calls
        self.last = now
        self.read_at = time.monotonic()
        return self.share

    def refresh(self, calls: int) -> float:
        """Do the same, unless it was done a moment ago: a few calls at a time may share that moment's cost."""
        if time.monotonic() - self.read_at > FRESH_SECONDS:
            self.advance(calls)
        return self.share
