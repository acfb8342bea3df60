"""How much memory the machine, or the cgroup the platform runs in, has left, and what a process has mapped."""

import os
from pathlib import Path

from fusebit_platform.runtime.errors import RuntimeFault

CGROUP_V2 = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))
CGROUP_V1 = (
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
SCARCE = 0.08  # of all memory


def total() -> int:
    """Return the bytes of memory that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_scarce() -> bool:
    """Tell whether idle processes should make room."""
    return fraction_left() < SCARCE


def fraction_left() -> float:
    """Return how much of the memory is available, the smaller share of machine and cgroup."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return min([available / total, *(_cgroup(*files, total) for files in (CGROUP_V2, CGROUP_V1))])


def _cgroup(limit_file: Path, usage_file: Path, total: int) -> float:
    try:
        limit, usage = int(limit_file.read_text()), int(usage_file.read_text())
    except (OSError, ValueError):  # there is none, or it says "max"
        return 1.0
    return 1.0 if limit >= total else max(0.0, 1 - usage / limit)


def mapped_bytes(pid: int) -> int:
    """Return the private writable memory of a process in bytes, as RLIMIT_DATA counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise RuntimeFault("The kernel does not tell how much memory a process uses.")
