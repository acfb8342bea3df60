"""How a process is called that holds leases, and whether the one of that name still lives."""

import os
import secrets
import socket

_TOKENS: dict[int, str] = {}  # by process id: a fork is a process of its own


def name() -> str:
    """Return host, process id and a word that the next process with the same id will not have."""
    token = _TOKENS.setdefault(os.getpid(), secrets.token_hex(4))
    return f"{socket.gethostname()[:90]}:{os.getpid()}:{token}"


def is_gone(other: str) -> bool:
    """Tell whether the process of that name has surely ended; of other hosts nothing is sure."""
    host, pid = [*other.split(":"), "", ""][:2]
    if host != socket.gethostname()[:90] or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return other != name()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
