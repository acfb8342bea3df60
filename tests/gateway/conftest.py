"""A running server in front of functions that a test writes down."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from tests.gateway.standin import SUBSCRIPTION

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Platform:
    port: int
    path: Path
    process: subprocess.Popen[str]

    def __post_init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.session = requests.Session()

    def put(self, name: str, source: str, *, files: dict[str, str] | None = None, **settings: Any) -> str:
        """Store a function and return its URL."""
        version = str(len(json.dumps(self.stored)) + time.monotonic_ns())
        settings.setdefault("version_id", version)
        self.stored[name] = {"files": {"index.js": source, **(files or {})}, **settings}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.stored))
        fresh.replace(self.path)
        return self.url(name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/v1/run/{SUBSCRIPTION}/{name}"

    def call(self, name: str, source: str, **settings: Any) -> Any:
        """Return what a new function answers."""
        answer = self.session.get(self.put(name, source, **settings), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def raw(self, request: bytes, *, wait: float = 5.0, until: bytes = b"") -> bytes:
        """Send bytes and return everything up to the end of the connection, or up to `until`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
                if until and until in answer:
                    break
            return answer

    def look_ups(self) -> int:
        return int(self.session.get(f"http://127.0.0.1:{self.port}/v1/health").json()["asked"])

    def records(self) -> list[dict[str, Any]]:
        """Take away what is remembered of the calls so far."""
        taken: list[dict[str, Any]] = self.session.get(f"http://127.0.0.1:{self.port}/records").json()["records"]
        return taken

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.session.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)


def start(directory: Path, *, blocked: str = "", stderr: IO[str] | None = None, **settings: str) -> Platform:
    """Run the server; `blocked` names system calls that it and its children do not have."""
    port = free_port()
    path = directory / "functions.json"
    path.write_text("{}")
    temporary = directory / "temporary"
    temporary.mkdir()
    packages = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": packages, "TMPDIR": str(temporary), **settings}
    command = [sys.executable, "-m", "tests.gateway.standin", str(port), str(path)]
    wrapper = [sys.executable, "-m", "tests.gateway.blocked", blocked] if blocked else []
    process = subprocess.Popen(
        [*wrapper, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline().startswith("Ready: http://localhost:")
    return Platform(port, path, process)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = start(tmp_path_factory.mktemp("platform"))
    yield running
    running.stop()


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    running = start(tmp_path)
    yield running
    running.stop()
