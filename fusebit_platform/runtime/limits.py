"""The bounds of one worker process and of one call."""

import resource
from dataclasses import dataclass

MIB = 1024 * 1024
RESPONSE_BYTES = 6 * MIB
LOG_BYTES_PER_CALL = 256 * 1024
HOSTILE_LOG_BYTES = 16 * LOG_BYTES_PER_CALL  # past this a process is flooding the platform, not logging
CALLS_IN_FLIGHT = 1000  # of one function version, waiting ones included
HEADROOM = 48 * MIB  # what a process needs beside its heap: stacks, buffers of the channel, compiled code


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the kernel enforces for one process, in bytes and counts."""

    heap_mb: int
    writable_bytes: int  # private writable memory; 0 leaves it unbounded
    open_files: int = 256
    threads: int = 32  # 0 where the process shares its user with others: the kernel counts by user
    file_bytes: int = 64 * MIB

    @classmethod
    def of(cls, *, memory_mb: int, idle_bytes: int) -> "Limits":
        """Return the limits for `memory_mb`; `idle_bytes` is what an empty process has mapped already."""
        return cls(heap_mb=memory_mb, writable_bytes=idle_bytes + memory_mb * MIB + HEADROOM)


def apply(limits: Limits) -> None:
    """Bound the calling process for good; its children inherit the bounds."""
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if limits.threads:
        bounds[resource.RLIMIT_NPROC] = limits.threads
    if limits.writable_bytes:
        # RLIMIT_AS cannot be used: V8 reserves far more address space than it ever writes to.
        bounds[resource.RLIMIT_DATA] = limits.writable_bytes
    for name, bound in bounds.items():
        resource.setrlimit(name, (bound, bound))
