"""The system call filter of a worker: everything Node.js needs, nothing that makes processes, sockets or mounts.

It is a list of what is refused. Refused calls fail with EPERM, so that Node.js reports an ordinary error.
"""

import ctypes
import errno
import struct

from fusebit_platform.runtime import kernel

# name: (x86_64, aarch64); None where the machine does not have the call
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221),
    "socketpair": (53, 199), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "sendmmsg": (307, 269), "recvmmsg": (299, 243), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "uselib": (134, None), "personality": (135, 92), "syslog": (103, 116), "vhangup": (153, 58),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "fanotify_init": (300, 262), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "mknod": (133, None), "mknodat": (259, 33), "setpriority": (141, 140),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "mbind": (237, 235), "set_mempolicy": (238, 237),
    "setuid": (105, 146), "setgid": (106, 144), "setgroups": (116, 159), "capset": (126, 91),
}  # fmt: skip
SOCKET = (41, 198)
CONNECT = (42, 203)
CLONE = (56, 220)
CLONE3 = (435, 435)
EXECVEAT = (322, 281)
KILL = (62, 129)
TKILL = (200, 130)
TGKILL = (234, 131)
PRCTL = (157, 167)

AUDIT_ARCH = 0xC00000B7 if kernel.ARM else 0xC000003E
COLUMN = 1 if kernel.ARM else 0
X32_BIT = 0x40000000
AT_EMPTY_PATH = 0x1000
AF_UNIX = 1
STREAM_AS_LIBUV_ASKS = 1 | 0o4000 | 0o2000000  # SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC

LOAD, JUMP_EQUAL, JUMP_SET, JUMP_GREATER, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
NUMBER, ARCHITECTURE = 0, 4

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def argument(index: int, *, high: bool = False) -> int:
    """Return where in the kernel's record half of an argument lies."""
    return 16 + 8 * index + (4 if high else 0)


def program(*, exec_descriptor: int, own_pid: int, egress: bool) -> list[Instruction]:
    """Return the filter: only `exec_descriptor` may be executed, only `own_pid` may be signalled.

    With `egress` unix stream sockets can be made and connected, but neither listen nor pass descriptors.
    """
    rules: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
    ]
    if not kernel.ARM:
        rules += [(JUMP_GREATER, 0, 1, X32_BIT), (RETURN, 0, 0, ENOSYS)]
    for numbers in REFUSED.values():
        number = numbers[COLUMN]
        if number is not None:
            rules += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, EPERM)]
    if egress:
        rules += _unless(SOCKET, _equal(0, AF_UNIX) + _equal(1, STREAM_AS_LIBUV_ASKS) + _equal(2, 0))
    else:
        for call in (SOCKET, CONNECT):
            rules += [(JUMP_EQUAL, 0, 1, call[COLUMN]), (RETURN, 0, 0, EPERM)]
    rules += [(JUMP_EQUAL, 0, 1, CLONE3[COLUMN]), (RETURN, 0, 0, ENOSYS)]  # so that libc uses clone
    rules += _unless(CLONE, [(LOAD, 0, 0, argument(0)), (JUMP_SET, 0, 1, kernel.CLONE_THREAD)])
    rules += _unless(EXECVEAT, _equal(0, exec_descriptor) + _equal(4, AT_EMPTY_PATH))
    for call in (KILL, TGKILL):
        rules += _unless(call, _equal(0, own_pid))
    rules += [(JUMP_EQUAL, 0, 1, TKILL[COLUMN]), (RETURN, 0, 0, EPERM)]
    for option in (kernel.PR_SET_PDEATHSIG, kernel.PR_SET_DUMPABLE):
        test: list[Instruction] = [(LOAD, 0, 0, argument(0)), (JUMP_EQUAL, 1, 0, option)]
        rules += _unless(PRCTL, test)
    return [*rules, (RETURN, 0, 0, ALLOW)]


def _equal(index: int, value: int) -> list[Instruction]:
    return [(LOAD, 0, 0, argument(index)), (JUMP_EQUAL, 0, 1, value)]


def _unless(call: tuple[int, int], tests: list[Instruction]) -> list[Instruction]:
    """Refuse a call unless every test passes. A test's zero jump goes on; its other one leads to the refusal."""
    # layout: [is it the call? else skip all] tests… reload, skip the refusal | refusal | (next rule)
    size = len(tests)
    rules: list[Instruction] = [(JUMP_EQUAL, 0, size + 3, call[COLUMN])]
    for position, (code, if_true, if_false, constant) in enumerate(tests):
        to_refusal = size - position  # over the tests that are left, and over the way out
        if code == LOAD:
            rules.append((code, 0, 0, constant))
        else:
            rules.append((code, to_refusal + 1 if if_true else 0, to_refusal + 1 if if_false else 0, constant))
    rules += [(LOAD, 0, 0, NUMBER), (JUMP_EQUAL, 1, 0, call[COLUMN])]
    return [*rules, (RETURN, 0, 0, EPERM)]


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def install(rules: list[Instruction]) -> None:
    """Put the calling process under the filter, for good."""
    code = b"".join(struct.pack("<HBBI", *rule) for rule in rules)
    buffer = ctypes.create_string_buffer(code, len(code))
    fprog = Program(len(rules), ctypes.cast(buffer, ctypes.c_void_p))
    kernel.checked(kernel.libc.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.byref(fprog), 0, 0), "seccomp")
