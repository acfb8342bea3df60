"""How many isolated processes wait for functions that have none yet."""

from fusebit_platform.runtime import memory
from fusebit_platform.runtime.limits import MIB

AT_ONCE = 2  # that are replaced without delay
FILL_AFTER_TICKS = 50  # before that the platform has better things to do than to be ready for a crowd
MOST = 40
SHARE = 0.02  # of the machine's memory
BYTES = 10 * MIB  # that one costs


def usual() -> int:
    """Return how many suit this machine."""
    return max(AT_ONCE, min(MOST, int(memory.total() * SHARE / BYTES)))
