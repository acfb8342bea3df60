"""The processes that quickstart runs: started together, stopped together, never left behind."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from onboarding.quickstart.options import QuickstartError

STOP_PATIENCE_S = 2.5
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """Run in the child: a supervisor that is killed takes its children with it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A process with a name and a log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own programs, no shell)
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (this process has one thread)
            )

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone."""
        return self._process.poll() is not None

    def reason(self) -> str:
        """Return one sentence on how it ended: its last line of log, and where the rest is."""
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = f" Its last words: {lines[-1].strip()[:300]}" if lines else ""
        return f"The {self.name} process ended with code {self._process.returncode}.{last} See {self.log_file}."

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and everything that it started."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def wait(self, timeout: float) -> bool:
        """Tell whether the process ended within `timeout` seconds."""
        try:
            self._process.wait(max(timeout, 0.01))
        except subprocess.TimeoutExpired:
            return False
        return True


class Children:
    """All of them; a context that leaves none behind."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def __enter__(self) -> "Children":
        """Begin with none."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop whatever runs."""
        self.stop()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> Child:
        """Start one more."""
        child = Child(name, command, environment, log_file)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise QuickstartError when one has ended."""
        for child in self._children:
            if child.has_ended:
                raise QuickstartError(child.reason())

    def watch(self) -> None:
        """Return never, unless one ends: then raise QuickstartError with the reason."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask all to end, then insist."""
        for child in self._children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        for child in self._children:
            if not child.wait(deadline - time.monotonic()):
                child.signal_group(signal.SIGKILL)
                child.wait(1)
        self._children.clear()


def check_port(port: int, what: str, option: str) -> None:
    """Raise QuickstartError when something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "there is no such port"
            raise QuickstartError(
                f"Port {port} for {what} cannot be used ({reason}); choose another with {option}."
            ) from None
