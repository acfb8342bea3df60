"""The small single-threaded program that starts worker processes, so that the gateway never forks.

It runs with an empty environment and without site-packages. Requests arrive as JSON on an inherited socket,
together with the two descriptors a worker keeps. When the socket closes, every worker is killed.
"""

import array
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fusebit_platform.runtime import mounts, sandbox
from fusebit_platform.runtime.limits import Limits

CHANNEL = 3  # the descriptor of the parent's socket here, and of the frames in a worker
STATUS = 100  # where the descriptor that reports a failed start is kept out of the way
MAX_REQUEST = 64 * 1024


class Launcher:
    """Start workers on request, report how they end, and let none outlive the parent."""

    def __init__(self, channel: socket.socket, root: str) -> None:
        self._channel = channel
        self._root = root
        self.mounts = mounts.leave_the_hosts(root)
        self._workers: dict[int, int] = {}  # pid -> the parent's number of it

    def run(self) -> None:
        """Serve until the parent closes the socket, then kill what is left."""
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poller = select.poll()
        poller.register(self._channel, select.POLLIN)
        poller.register(wake, select.POLLIN)
        try:
            while True:
                for descriptor, _ in poller.poll():
                    if descriptor == wake.fileno():
                        wake.recv(4096)
                        self._reap()
                    elif not self._serve_one():
                        return
        finally:
            self._kill_all()

    def _serve_one(self) -> bool:
        message, descriptors = receive(self._channel)
        if not message:
            return False
        request = json.loads(message)
        if request["op"] == "kill":
            self._kill(request["id"])
        elif request["op"] == "show":
            self._show(request)
        else:
            self._spawn(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _spawn(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        readable, writable = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            become(request, descriptors, writable)
        os.close(writable)
        complaint = b""
        while part := os.read(readable, 4096):  # ends when the worker's exec closes its end
            complaint += part
        os.close(readable)
        if complaint.startswith(b"pid "):  # the child made a first process of a new namespace and ended
            first, _, complaint = complaint.partition(b"\n")
            pid = int(first[4:])
        self._workers[pid] = request["id"]
        self._say(id=request["id"], pid=pid, error=complaint.decode(errors="replace"))

    def _show(self, request: Mapping[str, Any]) -> None:
        trouble = "" if self.mounts else "there is no mount namespace"
        if not trouble:
            try:
                mounts.show(self._root, request["source"], request["target"])
            except OSError as error:
                trouble = str(error)
        self._say(id=request["id"], shown=trouble)

    def _kill(self, number: int) -> None:
        for pid, known in self._workers.items():
            if known == number:
                kill_group(pid)

    def _kill_all(self) -> None:
        for pid in self._workers:
            kill_group(pid)
        for pid in self._workers:
            os.waitpid(pid, 0)

    def _reap(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._workers.pop(pid, None)
            if number is not None:
                self._say(id=number, status=os.waitstatus_to_exitcode(status))

    def _say(self, **message: object) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: the next read says so
            self._channel.send(json.dumps(message).encode())


def receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    """Return one request and the descriptors that came with it; an empty request means the parent is gone."""
    try:
        message, ancillary, _, _ = channel.recvmsg(MAX_REQUEST, socket.CMSG_SPACE(4 * 8), socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return b"", []
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
    return message, list(descriptors)


def kill_group(pid: int) -> None:
    """Kill a worker and whatever shares its session."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def become(request: Mapping[str, Any], descriptors: Sequence[int], status: int) -> NoReturn:
    """Turn this forked child into the worker; on failure write the reason to `status` and exit."""
    try:
        keep_only(descriptors, status)
        os.umask(0o022)
        plan = sandbox.Plan(**{**request["plan"], "limits": Limits(**request["plan"]["limits"])})
        sandbox.enter(plan, STATUS)
    except BaseException as error:  # noqa: BLE001 - a forked child must never return into the launcher's loop
        os.write(STATUS, f"{type(error).__name__}: {error}".encode()[:2000])
    finally:
        os._exit(127)


def keep_only(descriptors: Sequence[int], status: int) -> None:
    """Leave nothing open but /dev/null, the output pipe twice, the frame socket and `status`."""
    frames, output = descriptors
    os.dup2(status, STATUS, inheritable=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(frames, CHANNEL)
    os.closerange(CHANNEL + 1, STATUS)
    os.closerange(STATUS + 1, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    """Serve the parent on descriptor 3; when it is gone, remove the directory of all workers."""
    os.environ.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    root = sys.argv[2]
    launcher = Launcher(socket.socket(fileno=CHANNEL), root)
    launcher.run()
    if launcher.mounts:
        with contextlib.suppress(OSError):
            mounts.hide(root)
    shutil.rmtree(root, ignore_errors=True)  # the platform may have been killed before it could
    sys.exit(0)
