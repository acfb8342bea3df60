"""Starts the product's own processes for tests, and stops them."""

import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return when `condition` is true; fail when it has not become so in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {patience_s} s"
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether `url` answers at all."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 (loopback)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def environment(data_dir: Path) -> dict[str, str]:
    """What a person's terminal would give: none of the tests' own settings."""
    names = ("PATH", "HOME", "LANG", "NODE_BINARY", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "DATA_DIR": str(data_dir)}
