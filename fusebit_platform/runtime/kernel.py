"""The few system calls of Linux that Python does not offer, by ctypes."""

import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_PARENT = 0x00008000
CLONE_THREAD = 0x00010000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

ARM = platform.machine() == "aarch64"
SYS_CLONE = 220 if ARM else 56
SYS_PIVOT_ROOT = 41 if ARM else 155


def checked(result: int, what: str) -> int:
    """Return the result of a call; raise OSError naming `what` when it is -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int, what: str) -> None:
    """Change a property of the calling process."""
    checked(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), what)


def unshare(flags: int, what: str) -> None:
    """Leave namespaces for new ones."""
    checked(libc.unshare(flags), what)


def clone(flags: int) -> int:
    """Fork with flags; the caller is single-threaded."""
    return checked(libc.syscall(SYS_CLONE, ctypes.c_ulong(flags), 0, 0, 0, 0), "clone")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount, bind or remount; raise OSError naming the target."""
    encoded = options.encode() if options else None
    result = libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), encoded)
    checked(result, f"mount {target}")


def umount(target: str) -> None:
    """Let go of a mount and of what is below it; raise OSError naming the target."""
    checked(libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_root(directory: str) -> None:
    """Make `directory` the root of this mount namespace and let go of the old one."""
    os.chdir(directory)
    checked(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    checked(libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def set_hostname(name: str) -> None:
    """Name the machine as this UTS namespace sees it."""
    checked(libc.sethostname(name.encode(), len(name)), "sethostname")
