"""Starts the product's own processes for tests, and stops them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Identity:
    """The local OpenID provider with Ada and Grace."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.passwords = {"ada": "ada-password-1", "grace": "grace-password-1"}
        people = [
            {"username": name, "password": word, "email": f"{name}@example.com", "role": "tenant"}
            for name, word in self.passwords.items()
        ]
        people.append({**people[0], "username": "operator", "role": "operator"})
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "people.json").write_text(json.dumps({"people": people}))
        (directory / "secret").write_text("only-for-tests")
        self._log = (directory / "log").open("wb")
        arguments = ["--people", str(directory / "people.json"), "--client-secret-file", str(directory / "secret")]
        command = [sys.executable, "-m", "onboarding.identity", "--port", str(self.port), "--data-dir", str(directory)]
        self._process = subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=self._log, stderr=self._log)

    def wait(self) -> None:
        """Return when it answers."""
        until(lambda: answers(f"{self.url}/.well-known/openid-configuration"), "the identity process answering")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)
        self._log.close()


@contextmanager
def identity(directory: Path) -> Iterator[Identity]:
    """Run the provider."""
    process = Identity(directory)
    try:
        process.wait()
        yield process
    finally:
        process.stop()


def environment(data_dir: Path) -> dict[str, str]:
    """What a person's terminal would give: none of the tests' own settings."""
    names = ("PATH", "HOME", "LANG", "NODE_BINARY", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "DATA_DIR": str(data_dir)}
