"""The platform's end of the launcher: ask for worker processes, hear when they end."""

import array
import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fusebit_platform.runtime.errors import SpawnFailed
from fusebit_platform.runtime.sandbox import Plan

PACKAGES = Path(__file__).resolve().parent.parent.parent
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from fusebit_platform.runtime.launcher import main; main()"
START_SECONDS = 10.0
AT_ONCE = 4  # spawns in progress; more would only queue inside the launcher
RETRY_SECONDS = 0.02


class Process:
    """A worker process as its parent knows it."""

    def __init__(self, number: int, frames: socket.socket, output: int, on_exit: Callable[[int], None]) -> None:
        self.number = number
        self.pid = 0
        self.frames = frames  # non-blocking stream socket
        self.output = output  # read end of a pipe that carries stdout and stderr
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.shown: asyncio.Future[str] | None = None  # what was wrong when a directory was to be shown to it
        self.exited.add_done_callback(lambda done: on_exit(done.result()) if not done.cancelled() else None)


class Launching:
    """One launcher program and the workers it started; it is started again when it dies."""

    def __init__(self) -> None:
        self.root = Path(os.devnull)  # the directory that holds those of all workers
        self._program: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._processes: dict[int, Process] = {}
        self._last_number = 0
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def spawn(self, plan: Plan, *, on_exit: Callable[[int], None]) -> Process:
        """Start a process by its plan, with an empty environment, and return it; raise SpawnFailed.

        `on_exit` gets the exit code, or minus the signal, once.
        """
        async with self._turn:
            return await self._spawn(plan, on_exit)

    async def _spawn(self, plan: Plan, on_exit: Callable[[int], None]) -> Process:
        channel = self._running()
        self._last_number += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        readable, writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writable, True)
        process = Process(self._last_number, ours, readable, on_exit)
        self._processes[process.number] = process
        request = {"op": "spawn", "id": process.number, "plan": asdict(plan)}
        try:
            _send(channel, request, [theirs.fileno(), writable])
        finally:
            theirs.close()
            os.close(writable)
        try:
            await asyncio.wait_for(process.started, START_SECONDS)
        except BaseException as error:
            self.kill(process)
            ours.close()
            os.close(readable)
            if isinstance(error, SpawnFailed | TimeoutError):
                raise SpawnFailed(f"A function's process did not start. {error}".strip()) from error
            raise
        return process

    async def show(self, process: Process, source: Path, target: Path) -> bool:
        """Show a directory read-only in the root of a worker that runs already; tell whether that was possible."""
        if self._channel is None or process.exited.done():
            return False
        process.shown = asyncio.get_running_loop().create_future()
        request = {"op": "show", "id": process.number, "source": str(source), "target": str(target)}
        try:
            _send(self._channel, request, [])
            return await asyncio.wait_for(process.shown, START_SECONDS) == ""
        except (OSError, TimeoutError):
            return False

    def kill(self, process: Process) -> None:
        """Kill a worker with SIGKILL; `on_exit` follows."""
        if self._channel is not None and not process.exited.done():
            try:
                _send(self._channel, {"op": "kill", "id": process.number}, [])
            except BlockingIOError:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self.kill, process)
            except OSError:
                self._lost()

    def close(self) -> None:
        """Kill every worker and the launcher; return when both are gone."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        if self._program is not None:
            try:
                self._program.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._program.kill()  # its workers die with it
                self._program.wait()
            self._program = None
        self._forget_all()

    def _running(self) -> socket.socket:
        if self._channel is not None:
            return self._channel
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            self._program = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-I", "-S", "-c", _on_descriptor_3(theirs.fileno()), str(PACKAGES), str(self.root)],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours
        asyncio.get_running_loop().add_reader(ours, self._hear)
        return ours

    def _hear(self) -> None:
        if self._channel is None:
            return
        try:
            message = self._channel.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._lost()
            return
        self._note(json.loads(message))

    def _note(self, report: dict[str, Any]) -> None:
        process = self._processes.get(report["id"])
        if process is None:
            return
        if "shown" in report:
            if process.shown is not None and not process.shown.done():
                process.shown.set_result(report["shown"])
        elif "pid" in report:
            _settle(process, report["pid"], report["error"])
        else:
            del self._processes[process.number]
            process.exited.set_result(report["status"])

    def _lost(self) -> None:
        """The launcher died and took its workers along; the next spawn starts another."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        if self._program is not None:
            self._program.kill()
            self._program.wait()
            self._program = None
        self._forget_all()

    def _forget_all(self) -> None:
        for process in self._processes.values():
            if process.shown is not None and not process.shown.done():
                process.shown.set_result("The launcher ended.")
            _settle(process, 0, "The launcher ended.")
            if not process.exited.done():
                process.exited.set_result(-9)
        self._processes.clear()


def _settle(process: Process, pid: int, complaint: str) -> None:
    process.pid = pid
    if process.started.done():
        return
    if complaint:
        process.started.set_exception(SpawnFailed(complaint))
    else:
        process.started.set_result(None)


def _send(channel: socket.socket, request: dict[str, object], descriptors: list[int]) -> None:
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    channel.sendmsg([json.dumps(request).encode()], ancillary)


def _on_descriptor_3(descriptor: int) -> str:
    return f"import os; os.dup2({descriptor}, 3) if {descriptor} != 3 else None; {PROGRAM}"
