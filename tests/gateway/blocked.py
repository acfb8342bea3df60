"""Runs a program on a machine where some system calls are blocked: `blocked.py NAME,NAME COMMAND…`.

That is what profiles of container engines do; it holds for the program and everything that it starts.
"""

import os
import sys

from fusebit_platform.runtime import kernel, seccomp

CALLS = {
    "unshare": seccomp.REFUSED["unshare"][seccomp.COLUMN],
    "landlock": 444,
}


def block(numbers: list[int]) -> None:
    """Refuse the calls for good."""
    rules: list[seccomp.Instruction] = [(seccomp.LOAD, 0, 0, seccomp.NUMBER)]
    for number in numbers:
        rules += [(seccomp.JUMP_EQUAL, 0, 1, number), (seccomp.RETURN, 0, 0, seccomp.EPERM)]
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    seccomp.install([*rules, (seccomp.RETURN, 0, 0, seccomp.ALLOW)])


if __name__ == "__main__":
    named = [CALLS[name] for name in sys.argv[1].split(",")]
    block([number for number in named if number is not None])
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606
