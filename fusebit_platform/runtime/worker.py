"""One worker process from the platform's side: frames to it, answers from it, deadlines and its end."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from fusebit_platform.runtime import endings, frames
from fusebit_platform.runtime.builds import Answer, Build, LogSink, Reply
from fusebit_platform.runtime.errors import BadFrame
from fusebit_platform.runtime.frames import ANSWER_HEAD, Kind, encode
from fusebit_platform.runtime.limits import HOSTILE_LOG_BYTES
from fusebit_platform.runtime.outgoing import Outgoing
from fusebit_platform.runtime.outlets import Outlet
from fusebit_platform.runtime.output import Output
from fusebit_platform.runtime.spawning import Launching, Process
from fusebit_platform.runtime.watch import IDLE_SECONDS, Watch

QUIET_SECONDS = 0.2  # a busy process that says nothing for so long is asked whether it lives
SOURCES = (("function", ""), ("provider", "code_error"), ("function", "code_error"))
CALL, ANSWER = int(Kind.CALL), int(Kind.ANSWER)
new_answer = tuple.__new__  # on the warm path: what a NamedTuple's own constructor comes to, three times as fast


# A call in flight: its reply, its deadline by time.monotonic(), what the meter showed and how many connections had been
# refused at its start, and its trace id. A plain tuple, as this is the warm path.
Call = tuple[Reply, float, float, int, str]


class Worker(asyncio.Protocol):
    """Run the calls of one function version in one process."""

    def __init__(self, *, launching: Launching, directory: Path, memory_mb: int, sink: LogSink | None) -> None:
        self.directory = directory
        self.memory_mb = memory_mb
        self.build: Build | None = None
        self.calls: dict[int, Call] = {}
        self.watch = Watch(os.getpid())  # until there is a process
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.warmed = False  # ready for packages
        self.retiring = False  # takes no new calls
        self.stuck = False  # its event loop does not answer
        self.idle_since = time.monotonic()
        self.process: Process | None = None
        self.outlet: Outlet | None = None
        self.on_idle: Callable[[Worker], None] = _nothing
        self._launching = launching
        self._sink = sink
        self._decoder = frames.Decoder()
        self._outgoing = Outgoing()
        self._last_call = 0
        self._pinged_at = 0.0
        self._heard_at = 0.0
        self._log_bytes = 0
        self._output: Output | None = None
        self._exit_code: int | None = None
        self._lost = False

    # --- life ---

    async def attach(self, process: Process) -> None:
        """Take over a started process and wait until its harness speaks."""
        self.process = process
        self.watch = Watch(process.pid)
        self._output = Output(process.output, self._printed)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=process.frames)
        await asyncio.wait_for(asyncio.shield(self.ready), 10)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to send."""
        if self.process is not None:
            self._outgoing.open(transport, self.process.frames)  # type: ignore[arg-type]

    def bind(self, build: Build, directory: str) -> None:
        """Give the process its build, for ever; its files must be in place."""
        self.build = build
        if self.outlet is not None:
            self.outlet.bind(self)
            self.outlet.restrict(build.egress_allow, build.egress_deny)
        load = {
            "directory": directory,
            "entry": f"{directory}/{build.entry}",
            "packages": build.dependencies is not None,
            "configuration": dict(build.configuration),
            "context": dict(build.context),
        }
        self._outgoing.add(encode(Kind.LOAD, 0, json.dumps(load).encode()))

    def warm(self) -> None:
        """Have the process load what most packages ask for, while it has nothing else to do."""
        self.warmed = True
        self._outgoing.add(encode(Kind.WARM, 0, b""))

    def submit(self, payload: bytes, deadline: float, reply: Reply, trace_id: str) -> None:
        """Send one call, a JSON object with the members of ctx; `reply` is called exactly once.

        `deadline` is a time.monotonic() value; `trace_id` names the call in the log where the process cannot.
        """
        self._last_call = call = self._last_call % 0xFFFFFFFF + 1
        outlet, watch, calls = self.outlet, self.watch, self.calls
        share = watch.meter.refresh(len(calls))
        if not calls:
            self._heard_at = time.monotonic()
            watch.answered()
            if outlet is not None:
                outlet.renew()
        calls[call] = (reply, deadline, share, outlet.refusals if outlet is not None else 0, trace_id)
        self._outgoing.add(encode(CALL, call, payload))

    def kill(self) -> None:
        """Kill the process now; calls in flight are answered when it is gone."""
        self.retiring = True
        if self.process is not None:
            self._launching.kill(self.process)

    def tick(self, now: float) -> None:
        """Answer calls past their limits, notice a process that hangs, and end one that is done."""
        self._expire(now, self.watch.look())
        if self.retiring and (not self.calls or self.stuck):
            self.kill()
        elif self._pinged_at:
            self.stuck = now - self._pinged_at > QUIET_SECONDS
        elif self.calls and now - self._heard_at > QUIET_SECONDS:
            self._pinged_at = now
            self._outgoing.add(encode(Kind.PING, 0, b""))

    def look_idle(self) -> None:
        """End a process that computes although nobody asked it to."""
        if self.watch.look() > IDLE_SECONDS:
            self._report(0, "The function kept computing after its last answer; its process was ended.")
            self.kill()

    def _expire(self, now: float, spun: float) -> None:
        build = self.build
        if build is None:
            return
        for number, (_, deadline, share, _, _) in list(self.calls.items()):
            if deadline <= now:
                self._overdue(number, "timeout", f"{build.timeout_s:.2f} seconds")
            elif self._cost(share) > build.cpu_s * 1000 or spun > build.cpu_s:
                self._overdue(number, "cpu", f"{build.cpu_s:.2f} seconds of CPU")

    def _overdue(self, number: int, cause: str, limit: str) -> None:
        reply, _, share, _, trace_id = self.calls[number]
        cpu_ms = self._cost(share)
        del self.calls[number]
        self.retiring = True  # what the late call is still doing must not touch later ones
        answer = endings.overdue(number, cause, limit)._replace(cpu_ms=cpu_ms)
        self._report_failure(number, answer, trace_id)
        reply(answer)

    def _cost(self, share: float) -> float:
        """Return the CPU time in ms used since the meter showed `share`, by a call still in flight."""
        return (self.watch.meter.advance(len(self.calls)) - share) * 1000

    # --- for its way out ---

    @property
    def boundary(self) -> str:
        """Name the boundary it works for."""
        return self.build.boundary if self.build else ""

    @property
    def calls_in_flight(self) -> int:
        """Count the calls it works on."""
        return len(self.calls)

    def egress_refused(self, message: str) -> None:
        """Tell the function's author about a connection that was refused."""
        self._report(0, message)

    @property
    def last_words(self) -> str:
        """Return the end of what the process printed, for operators."""
        return self._output.last_words if self._output is not None else ""

    # --- frames ---

    def data_received(self, data: bytes) -> None:
        """Act on what the process wrote; kill it when that is not a frame."""
        self._pinged_at, self.stuck = 0.0, False
        calls = self.calls
        if calls:
            self.watch.meter.advance(len(calls))  # once for all answers that came together
        try:
            for kind, call, payload in self._decoder.feed(data):
                if kind == ANSWER:
                    self._answer(call, payload)
                else:
                    self._other(kind, call, payload)
        except BadFrame as error:
            self._report(0, str(error))
            self.kill()
        if calls:
            self._heard_at = time.monotonic()
        elif self.build is not None:
            self.idle_since = time.monotonic()
            self.on_idle(self)

    def _answer(self, call: int, payload: bytes) -> None:
        known = self.calls.get(call)
        if known is None:
            if not 0 < call <= self._last_call:
                raise BadFrame("A worker answered a call that it was not given.")
            return  # answered before, or too late
        if len(payload) < ANSWER_HEAD.size:
            raise BadFrame("A worker sent an answer without a head.")
        status, source, size = ANSWER_HEAD.unpack_from(payload)
        body = ANSWER_HEAD.size + size
        if body > len(payload) or source >= len(SOURCES):
            raise BadFrame("A worker sent an answer that contradicts itself.")
        del self.calls[call]
        reply, _, share, refusals, _ = known
        watch, outlet = self.watch, self.outlet
        watch.answered()
        name, cause = SOURCES[source]
        if cause and outlet is not None and outlet.refusals > refusals:
            cause = "egress_blocked"
        cpu_ms = (watch.meter.share - share) * 1000
        reply(new_answer(Answer, (status, name, payload[ANSWER_HEAD.size : body], payload[body:], cause, "", cpu_ms)))

    def _other(self, kind: int, call: int, payload: bytes) -> None:
        if kind == Kind.LOG:
            self._log(call, payload)
        elif kind == Kind.RETIRE:
            self.retiring = True
        elif kind == Kind.READY:
            if not self.ready.done():
                self.ready.set_result(None)
        elif kind != Kind.PONG:
            raise BadFrame("A worker sent a frame of an unknown kind.")

    # --- logs ---

    def _log(self, call: int, entry: bytes) -> None:
        if not self.calls:
            self._log_bytes = 0
        self._log_bytes += len(entry) + 64
        if self._log_bytes > HOSTILE_LOG_BYTES * (1 + len(self.calls)):
            raise BadFrame("A function wrote more log than it may.")
        if self._sink is not None and self.build is not None:
            self._sink(self.build, call, entry)

    def _printed(self, text: str) -> None:
        if self._sink is not None and self.build is not None:
            self._sink(self.build, 0, endings.entry(30, text))

    def _report(self, call: int, message: str) -> None:
        if self._sink is not None and self.build is not None:
            self._sink(self.build, call, endings.entry(50, message))

    def _report_failure(self, call: int, answer: Answer, trace_id: str) -> None:
        body = json.loads(answer.body)
        if self._sink is not None and self.build is not None:
            self._sink(self.build, call, endings.failure_entry(body, trace_id))

    # --- the end ---

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for the exit code, which says why."""
        self._lost = True
        self.retiring = True
        self._end()

    def exited(self, code: int) -> None:
        """Take note of the exit code, or minus the signal."""
        self._exit_code = code
        self.retiring = True
        self._end()

    def _end(self) -> None:
        attached = self._outgoing.is_open
        if self._exit_code is None:
            self.kill()  # it closed its channel but lives
            return
        if (attached and not self._lost) or self.gone.done():
            return
        tail = b""
        if self._output is not None:
            self._output.read()
            self._output.close()
            tail = self._output.tail
        if not self.ready.done():
            self.ready.cancel()
        if not attached and self.process is not None:
            self.process.frames.close()  # it ended before its channel was taken over
        if self.outlet is not None:
            self.outlet.close()
        self.gone.set_result(None)
        for number, (reply, _, share, _, trace_id) in list(self.calls.items()):
            answer = endings.answer(self._exit_code, tail, self.memory_mb)._replace(cpu_ms=self._cost(share))
            self._report_failure(number, answer, trace_id)
            reply(answer)
        self.calls.clear()


def _nothing(worker: Worker) -> None:
    """Stand in until the pool wants to know."""
