"""Landlock: what of the file system a worker may touch, and that it may reach no process outside."""

import ctypes
import os
import struct

from fusebit_platform.runtime import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every machine
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
TRUNCATE = 1 << 14
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
READ = READ_FILE | READ_DIR
READ_WRITE = READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG
RUN = READ_FILE | EXECUTE

FS_RIGHTS_BY_VERSION = {
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    4: (1 << 15) - 1,
    5: (1 << 16) - 1,
}
TCP = 3  # bind and connect, since version 4
SCOPES = 3  # abstract unix sockets and signals, since version 6


def version() -> int:
    """Return the kernel's Landlock version, 0 when it has none."""
    found = kernel.libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG))
    return max(int(found), 0)


def restrict(rules: dict[str, int]) -> None:
    """Leave the calling process, for good, only the rights given for each path and what is beneath it."""
    known = version()
    if known == 0:
        raise OSError("landlock: the kernel has none")
    handled = FS_RIGHTS_BY_VERSION[min(known, 5)]
    attributes = struct.pack("<QQQ", handled, TCP if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = kernel.checked(
        kernel.libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0)),
        "landlock ruleset",
    )
    for path, rights in rules.items():
        _add(ruleset, path, rights & handled)
    kernel.checked(kernel.libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "landlock")
    os.close(ruleset)


def _add(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib would be the launcher's largest import
            rights &= FILE_RIGHTS
        rule = struct.pack("<Qi", rights, descriptor)
        result = kernel.libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, ctypes.c_uint32(0))
        kernel.checked(result, f"landlock rule for {path}")
    finally:
        os.close(descriptor)
