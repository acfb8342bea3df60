"""Directories that appear in the root of a worker which runs already; they vanish with the launcher.

The launcher lives in a mount namespace of its own, whose mounts below the workers' directory are passed on to theirs.
"""

import os

from fusebit_platform.runtime import kernel

STAGING = ".staging"  # where a tree gets its flags before any worker sees it
READ_ONLY = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def leave_the_hosts(root: str) -> bool:
    """Enter the own mount namespace; tell whether that was possible."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            kernel.unshare(kernel.CLONE_NEWNS, "mount namespace")
        else:
            kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS, "mount namespace")
            for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w") as stream:  # noqa: PTH123 - pathlib would be the largest import
                    stream.write(line)
        staging = f"{root}/{STAGING}"
        os.mkdir(staging, 0o700)  # noqa: PTH102
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_SLAVE)
        kernel.mount(root, root, "", kernel.MS_BIND)
        kernel.mount("none", root, "", kernel.MS_SHARED)
        kernel.mount(staging, staging, "", kernel.MS_BIND)
        kernel.mount("none", staging, "", kernel.MS_PRIVATE)
    except OSError:
        return False
    return True


def show(root: str, source: str, target: str) -> None:
    """Show `source` read-only at `target`, here and in the worker whose directory that is; raise OSError."""
    staging = f"{root}/{STAGING}"
    kernel.mount(source, staging, "", kernel.MS_BIND)
    try:
        kernel.mount("none", staging, "", kernel.MS_REMOUNT | kernel.MS_BIND | READ_ONLY)
        kernel.mount(staging, target, "", kernel.MS_BIND)
    finally:
        kernel.umount(staging)


def hide(root: str) -> None:
    """Take every mount below the workers' directory away, so that it can be removed."""
    kernel.umount(root)
