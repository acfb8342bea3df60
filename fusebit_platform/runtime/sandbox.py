"""The recipe that turns a forked child into an isolated process; runs in the launcher, once per worker.

What each layer is for, and what is promised, is written down in README.md beside this file.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from fusebit_platform.runtime import kernel, landlock, seccomp
from fusebit_platform.runtime.limits import MIB, Limits, apply

INSIDE_ID = 65534  # nobody
EXEC = 101  # the descriptor of the binary to be executed; the only one the filter lets through
LAST_CAPABILITY = 63
NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)
LOCKED = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
INERT = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One worker's sandbox: paths of the host, and which layers are used."""

    directory: str  # of the worker: app/, tmp/ and root/
    node: str
    scripts: Sequence[str]  # what runs before the function
    libraries: Sequence[str]  # the loader and the shared objects of the binary
    argv: Sequence[str]
    limits: Limits
    host_id: int | None  # the user the launcher, when it is root, becomes
    namespaces: bool
    landlock: bool
    seccomp: bool
    egress: bool  # whether directory/egress, the proxy's socket, is to be had inside
    tmp_bytes: int = 16 * MIB
    tmp_files: int = 1024


def enter(plan: Plan, report: int) -> None:
    """Isolate the calling process and execute the plan's binary; raise OSError when a layer cannot be had.

    With namespaces the worker is another process than the caller, which ends; its pid is written to `report`.
    """
    own = -1
    if plan.namespaces:
        _unshare(plan)
        _become_first_process(report)
        own = os.open("/proc/self", os.O_PATH)  # of the proc that is gone once the root is ours
        _build_root(plan)
    os.setsid()
    with contextlib.suppress(OSError):  # when it wakes it interrupts nobody: all functions wait for the platform
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if plan.host_id is not None:
        _drop_to(plan.host_id)
        if plan.namespaces:
            kernel.unshare(kernel.CLONE_NEWUSER, "user namespace")
            _map_ids(own, plan.host_id, plan.host_id)
    if own >= 0:
        os.close(own)
    for capability in range(LAST_CAPABILITY + 1):
        kernel.libc.prctl(kernel.PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those there are not
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL, "parent death signal")  # a change of ids clears it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    apply(plan.limits)
    _execute(plan)


def _unshare(plan: Plan) -> None:
    if plan.host_id is None:
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.CLONE_NEWUSER | NAMESPACES, "namespaces")
        own = os.open("/proc/self", os.O_PATH)
        _map_ids(own, uid, gid)
        os.close(own)
    else:
        kernel.unshare(NAMESPACES, "namespaces")


def _map_ids(process: int, uid: int, gid: int) -> None:
    """Let this user namespace know one user; `process` is a descriptor of /proc/self."""
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{INSIDE_ID} {uid} 1"),
        ("gid_map", f"{INSIDE_ID} {gid} 1"),
    ):
        descriptor = os.open(name, os.O_WRONLY, dir_fd=process)
        os.write(descriptor, line.encode())
        os.close(descriptor)


def _become_first_process(report: int) -> None:
    """Go on in a new process, the first of the new pid namespace and a child of the launcher; end this one."""
    pid = kernel.clone(kernel.CLONE_PARENT | signal.SIGCHLD)
    if pid != 0:
        os.write(report, f"pid {pid}\n".encode())
        os._exit(0)


def _build_root(plan: Plan) -> None:
    """Make an almost empty, read-only tree the root: the binary, its libraries, the function, a sized /tmp."""
    root = f"{plan.directory}/root"
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_SLAVE)  # what the launcher mounts later still comes in
    kernel.mount("tmpfs", root, "tmpfs", INERT & ~kernel.MS_NOEXEC, "size=64k,nr_inodes=256,mode=755")
    _bind(plan.node, f"{root}/bin/node", LOCKED)
    for script in plan.scripts:
        _bind(script, f"{root}/{os.path.basename(script)}", LOCKED | kernel.MS_NOEXEC)  # noqa: PTH119
    if plan.egress:
        _bind(f"{plan.directory}/egress", f"{root}/egress", LOCKED | kernel.MS_NOEXEC)
    for library in plan.libraries:
        _bind(library, root + library, LOCKED)
    _bind(f"{plan.directory}/app", f"{root}/app", LOCKED | kernel.MS_NOEXEC)
    os.mkdir(f"{root}/tmp")  # noqa: PTH102, S108
    kernel.mount("tmpfs", f"{root}/tmp", "tmpfs", INERT, _tmp_options(plan))  # noqa: S108
    os.mkdir(f"{root}/proc")  # noqa: PTH102
    with contextlib.suppress(OSError):  # without it only process.memoryUsage() and the like are missing
        kernel.mount("proc", f"{root}/proc", "proc", INERT | kernel.MS_RDONLY, "subset=pid")
    kernel.pivot_root(root)
    kernel.mount("none", "/", "", kernel.MS_REMOUNT | kernel.MS_BIND | LOCKED)
    kernel.set_hostname("fn")


def _tmp_options(plan: Plan) -> str:
    return f"size={plan.tmp_bytes},nr_inodes={plan.tmp_files},mode=1777"


def _bind(source: str, target: str, flags: int) -> None:
    is_directory = os.path.isdir(source)  # noqa: PTH112 - pathlib would be the launcher's largest import
    os.makedirs(target if is_directory else os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    if not is_directory:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    kernel.mount(source, target, "", kernel.MS_BIND)
    kernel.mount("none", target, "", kernel.MS_REMOUNT | kernel.MS_BIND | flags)


def _drop_to(host_id: int) -> None:
    """Become a user that owns nothing and cannot become another."""
    os.setgroups([])
    os.setresgid(host_id, host_id, host_id)
    os.setresuid(host_id, host_id, host_id)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1, "dumpable")  # else its own /proc files belong to root


def _execute(plan: Plan) -> None:
    """Lock the file system and the system calls, then execute; from here on only denials are added."""
    node = "/bin/node" if plan.namespaces else plan.node
    binary = os.open(node, os.O_PATH)
    os.dup2(binary, EXEC, inheritable=False)
    os.close(binary)
    os.umask(0o077)
    os.chdir("/tmp" if plan.namespaces else f"{plan.directory}/tmp")  # noqa: S108 - the sandbox's own
    if plan.landlock:
        landlock.restrict(_rights(plan, node))
    if plan.seccomp:
        seccomp.install(seccomp.program(exec_descriptor=EXEC, own_pid=os.getpid(), egress=plan.egress))
    environment = (ctypes.c_char_p * 1)(None)
    argv = (ctypes.c_char_p * (len(plan.argv) + 1))(*[part.encode() for part in plan.argv], None)
    number = seccomp.EXECVEAT[seccomp.COLUMN]
    kernel.checked(
        kernel.libc.syscall(number, EXEC, b"", argv, environment, seccomp.AT_EMPTY_PATH),
        "execution of Node.js",
    )


def _rights(plan: Plan, node: str) -> dict[str, int]:
    rights = dict.fromkeys(plan.libraries, landlock.RUN)
    rights[node] = landlock.RUN
    if plan.namespaces:
        rights |= {f"/{os.path.basename(script)}": landlock.READ for script in plan.scripts}  # noqa: PTH119
        return rights | {
            "/app": landlock.READ,
            "/proc": landlock.READ,
            "/tmp": landlock.READ_WRITE,  # noqa: S108 - the sandbox's own
        }
    rights |= dict.fromkeys(plan.scripts, landlock.READ)
    return rights | {
        f"{plan.directory}/app": landlock.READ,
        f"{plan.directory}/tmp": landlock.READ_WRITE,  # noqa: S108
        "/dev/null": landlock.READ_FILE | landlock.WRITE_FILE,
    }
