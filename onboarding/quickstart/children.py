"""The processes that quickstart runs: started together, stopped together, never left behind."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from onboarding.logs import redact
from onboarding.quickstart.options import Options, QuickstartError

STOP_PATIENCE_S = 2.5
ANSWER_PATIENCE_S = 40.0
LAST_WORDS = 300
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> Callable[[], None]:
    """Return what to run in a child before it becomes its program: when `parent` is killed, the child is told."""

    def ask_the_kernel() -> None:
        if sys.platform == "linux" and _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) == 0 and os.getppid() != parent:
            os._exit(1)  # it died before we asked

    return ask_the_kernel


class Child:
    """A process with a name and a log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        self._start = log_file.stat().st_size if log_file.exists() else 0
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own programs, no shell)
                command,
                env=dict(environment),
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone."""
        return self._process.poll() is not None

    def words(self) -> str:
        """Return what this process, not an earlier one, wrote to its log."""
        with self.log_file.open("rb") as log:
            log.seek(self._start)
            return log.read().decode("utf-8", "replace")

    def reason(self) -> str:
        """Return one sentence on how it ended: its last line of log, and where the rest is."""
        lines = self.words().strip().splitlines()
        last = f", saying “{redact(lines[-1].strip())[:LAST_WORDS]}”" if lines else ""
        return f"The {self.name} process ended with code {self._process.returncode}{last}; see {self.log_file}."

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
        """Stop whatever runs; a second Ctrl-C does not interrupt that."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
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

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Return when `is_so`; raise QuickstartError when a child ends before, or the patience does."""
        deadline = time.monotonic() + ANSWER_PATIENCE_S
        while not is_so():
            self.check()
            if time.monotonic() > deadline:
                raise QuickstartError(f"The {what} did not answer within {ANSWER_PATIENCE_S:.0f} seconds.")
            time.sleep(0.05)

    def watch(self) -> None:
        """Return never, unless one ends: then raise QuickstartError with the reason."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask all to end, then insist, to the last grandchild."""
        for child in self._children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        for child in self._children:
            child.wait(deadline - time.monotonic())
        for child in self._children:
            child.signal_group(signal.SIGKILL)
            child.wait(1)
        self._children.clear()


def check_ports(options: Options) -> None:
    """Raise QuickstartError when something listens on one of the ports already."""
    for port, what, option in options.ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise QuickstartError(
                    f"Port {port} for {what} cannot be used ({error.strerror}); choose another with {option}."
                ) from None
