"""The filter under native code: every dangerous system call is refused, and is not without it (SB-07)."""

import ctypes
import errno
import mmap
import os
import signal
from collections.abc import Callable

import pytest

from fusebit_platform.runtime import kernel, seccomp

COLUMN = seccomp.COLUMN
NOTHING = 0
FAR = 2**47 - 4096  # an address where nothing is
X32_GETPID = 0x40000000 + 39
I386_GETPID = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret


def outcome(work: Callable[[], int], *, egress: bool, filtered: bool = True) -> int:
    """Return what `work` returns in a process of its own: an error number, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
            if filtered:
                seccomp.install(seccomp.program(exec_descriptor=101, own_pid=os.getpid(), egress=egress))
            os._exit(work())
        finally:
            os._exit(255)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def call(number: int, *arguments: int) -> Callable[[], int]:
    padded = (*arguments, *[NOTHING] * (6 - len(arguments)))

    def work() -> int:
        ctypes.set_errno(0)
        result = kernel.libc.syscall(number, *[ctypes.c_ulong(one) for one in padded])
        return ctypes.get_errno() if result == -1 else 0

    return work


REFUSED = [(name, numbers[COLUMN]) for name, numbers in seccomp.REFUSED.items() if numbers[COLUMN] is not None]


@pytest.mark.parametrize(("name", "number"), REFUSED, ids=[name for name, _ in REFUSED])
def test_sb_07_a_refused_call_fails(name: str, number: int) -> None:
    assert outcome(call(number, FAR, FAR, FAR, FAR, FAR), egress=True) == errno.EPERM, name


@pytest.mark.parametrize(
    ("what", "work"),
    [
        ("a process by clone", call(seccomp.CLONE[COLUMN], signal.SIGCHLD)),
        ("a user namespace by clone", call(seccomp.CLONE[COLUMN], kernel.CLONE_NEWUSER | signal.SIGCHLD)),
        ("another program by execveat", call(seccomp.EXECVEAT[COLUMN], 3, FAR, FAR, FAR, 0x1000)),
        ("another path by execveat", call(seccomp.EXECVEAT[COLUMN], 101, FAR, FAR, FAR, 0)),
        ("signalling the parent", lambda: call(seccomp.KILL[COLUMN], os.getppid(), 0)()),
        ("signalling everybody", call(seccomp.KILL[COLUMN], 2**64 - 1, 0)),
        ("signalling a thread of another process", call(seccomp.TGKILL[COLUMN], 1, 1, 0)),
        ("signalling a thread", call(seccomp.TKILL[COLUMN], 1, 0)),
        ("outliving the launcher", call(seccomp.PRCTL[COLUMN], kernel.PR_SET_PDEATHSIG, 0)),
        ("an internet socket", call(seccomp.SOCKET[COLUMN], 2, seccomp.STREAM_AS_LIBUV_ASKS)),
        ("a netlink socket", call(seccomp.SOCKET[COLUMN], 16, 3)),
        ("a packet socket", call(seccomp.SOCKET[COLUMN], 17, 3)),
        ("a vsock", call(seccomp.SOCKET[COLUMN], 40, seccomp.STREAM_AS_LIBUV_ASKS)),
        ("a unix datagram socket", call(seccomp.SOCKET[COLUMN], 1, 2)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sb_07_a_call_with_dangerous_arguments_fails(what: str, work: Callable[[], int]) -> None:
    assert outcome(work, egress=True) == errno.EPERM, what


def test_sb_07_clone3_does_not_exist() -> None:
    assert outcome(call(seccomp.CLONE3[COLUMN], FAR, 88), egress=True) == errno.ENOSYS


def test_the_one_socket_there_may_be_can_be_made_where_there_is_a_proxy_alone() -> None:
    unix = call(seccomp.SOCKET[COLUMN], seccomp.AF_UNIX, seccomp.STREAM_AS_LIBUV_ASKS)
    assert outcome(unix, egress=True) == 0
    assert outcome(unix, egress=False) == errno.EPERM
    assert outcome(call(seccomp.CONNECT[COLUMN], 0, FAR, 16), egress=False) == errno.EPERM


@pytest.mark.parametrize("name", ["unshare", "bind", "memfd_create", "name_to_handle_at", "personality", "userfaultfd"])
def test_without_the_filter_the_call_is_not_refused(name: str) -> None:
    number = seccomp.REFUSED[name][COLUMN]
    assert number is not None
    harmless = {"unshare": (kernel.CLONE_NEWUSER,), "personality": (0xFFFFFFFF,), "userfaultfd": (1,)}
    assert outcome(call(number, *harmless.get(name, (FAR, FAR))), egress=True, filtered=False) != errno.EPERM


def by_machine_code() -> int:
    """Ask for the process id as a 32-bit program would."""
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(I386_GETPID)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return 0 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid() else 1


if not kernel.ARM:  # these ways into the kernel are x86's

    def test_sb_07_the_x32_calls_do_not_exist() -> None:
        assert outcome(call(X32_GETPID), egress=True) == errno.ENOSYS

    def test_sb_07_a_32_bit_call_is_deadly() -> None:
        assert outcome(by_machine_code, egress=True) in (-signal.SIGSYS, -signal.SIGSEGV)
        assert outcome(by_machine_code, egress=True, filtered=False) in (0, -signal.SIGSEGV)
