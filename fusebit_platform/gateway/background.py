"""Runs what nobody waits for, tasks and schedules, as soon as it is due."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from fusebit_platform.entries import MAX_PATH, RunEntry, details
from fusebit_platform.gateway.known import Known
from fusebit_platform.gateway.quotas import Quotas
from fusebit_platform.gateway.records import Records
from fusebit_platform.gateway.refusals import Refusal
from fusebit_platform.runtime.builds import Answer, Build, Reply

POLL_SECONDS = 1.0
RENEW_SECONDS = 10.0
STOPPED = "The platform was stopped while the task was running."
PATIENCE_SECONDS = {"cron": 30.0, "task": 900.0}  # how long a run waits for room in its boundary
ROOM_SECONDS = 0.1
logger = logging.getLogger(__name__)
Key = tuple[str, str, str]
Find = Callable[[Key], Awaitable[Known]]
InThread = Callable[..., Awaitable[Any]]


class Job(Protocol):
    """One run nobody waits for."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> Key: ...
    @property
    def members(self) -> Mapping[str, Any]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class Jobs(Protocol):
    """What is due, and what came of it; all of it may block."""

    def claim(self) -> tuple[list[Any], int | None]:
        """Take what is due; return it and when something is due next."""

    def access_token(self, executable: Any, job: Any) -> str | None:
        """Return the token a job runs with."""

    def finish(self, job: Any, answer: Answer) -> None:
        """Record what came of a job."""

    def refuse(self, job: Any, message: str) -> None:
        """Record that a job could not run."""

    def renew(self, jobs: Iterable[Any]) -> None:
        """Vouch for jobs that are running here."""


class Runtime(Protocol):
    """Run functions in isolation."""

    def submit(self, build: Build, payload: bytes, reply: Reply, trace_id: str = "") -> None:
        """Run one call; `reply` is called exactly once."""


class Background:
    """Claim due jobs and run them, until stopped."""

    def __init__(
        self, jobs: Jobs, runtime: Runtime, find: Find, quotas: Quotas, *, records: Records, in_thread: InThread
    ) -> None:
        self._jobs = jobs
        self._runtime = runtime
        self._find = find
        self._quotas = quotas
        self._records = records
        self._in_thread = in_thread
        self._news = asyncio.Event()
        self._running: dict[int, Job] = {}
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to look for what is due."""
        self._later(self._claim_for_ever())
        self._later(self._renew_for_ever())

    def wake(self) -> None:
        """Look at once: something is due, or a place is free."""
        self._news.set()

    async def stop(self) -> None:
        """Claim nothing more; what is running is not waited for, since its processes end with the platform."""
        left = list(self._running.values())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for job in left:
            await self._refuse(job, Refusal(503, STOPPED))

    async def _claim_for_ever(self) -> None:
        while True:
            self._news.clear()
            due = await self._claimed()
            wait = POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.0, due / 1000 - time.time()))
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _claimed(self) -> int | None:
        try:
            jobs, due = await self._in_thread(self._jobs.claim)
        except Exception:  # the edge of the background: the next look may succeed
            logger.exception("What is due could not be looked up.")
            return None
        for job in jobs:
            self._later(self._run(job))
        return int(due) if due is not None else None

    async def _renew_for_ever(self) -> None:
        while True:
            try:
                await self._in_thread(self._jobs.renew, list(self._running.values()))
            except Exception:  # the edge of the background: there is time for another attempt
                logger.exception("Running tasks could not be vouched for.")
            await asyncio.sleep(RENEW_SECONDS)

    async def _run(self, job: Job) -> None:
        self._last += 1
        number = self._last
        self._running[number] = job
        try:
            known = await self._admitted(job)
            try:
                await self._run_admitted(job, known)
            finally:
                self._quotas.end_unasked(known)
        except Exception as error:  # noqa: BLE001 - the edge of the background: one job must not end the others
            await self._refuse(job, error)
        finally:
            self._running.pop(number, None)
            self.wake()

    async def _admitted(self, job: Job) -> Known:
        """Return the function once its boundary has room for another run; raise Refusal after a while without."""
        give_up = time.monotonic() + PATIENCE_SECONDS[job.kind]
        while time.monotonic() < give_up:
            known = await self._find(job.key)
            if self._quotas.begin_unasked(known):
                return known
            await asyncio.sleep(ROOM_SECONDS)
        raise Refusal(429, "Boundary has exceeded concurrency throttle", cause="rate_limited")

    async def _run_admitted(self, job: Job, known: Known) -> None:
        token = await self._in_thread(self._jobs.access_token, known.executable, job)
        trace_id = new_trace()
        started = time.time()
        answer = await self._answer(known, payload_of(job, token, trace_id), trace_id)
        self._remember(job, answer, started, trace_id, version=known.version)
        await self._in_thread(self._jobs.finish, job, answer)

    async def _answer(self, known: Known, payload: bytes, trace_id: str) -> Answer:
        replied: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._runtime.submit(known.build, payload, partial(_settle, replied), trace_id)
        return await replied

    async def _refuse(self, job: Job, error: Exception) -> None:
        if not isinstance(error, Refusal):
            logger.error("A background run could not be made.", exc_info=error)
        message = error.message if isinstance(error, Refusal) else "Internal error"
        if not isinstance(error, Refusal) or error.cause != "suspended":  # a suspended boundary asks for no trail
            self._remember_refusal(job, error, message)
        try:
            await self._in_thread(self._jobs.refuse, job, message)
        except Exception:
            logger.exception("A background run could not be recorded.")

    def _remember_refusal(self, job: Job, error: Exception, message: str) -> None:
        status, cause = (error.status, error.cause) if isinstance(error, Refusal) else (500, "platform")
        answer = Answer(status, "", b"", b"", cause, message)
        self._remember(job, answer, time.time(), new_trace(), version=None)

    def _remember(self, job: Job, answer: Answer, started: float, trace_id: str, *, version: int | None) -> None:
        subscription, boundary, function = job.key
        entry = RunEntry(
            function_id=function,
            version=version,
            method=str(job.members["method"]),
            path=str(job.members.get("path") or "/").partition("?")[0][:MAX_PATH],
            status=answer.status,
            source=answer.source,
            cause=answer.cause,
            started_ms=int(started * 1000),
            duration_ms=(time.time() - started) * 1000,
            cpu_ms=answer.cpu_ms,
            request_bytes=0,
            response_bytes=len(answer.body),
            trace_id=trace_id,
            kind=job.kind,
            details=details(message=answer.message),
        )
        self._records.add((subscription, boundary), entry)

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def new_trace() -> str:
    """Return the id of a run that nothing led to."""
    return f"{secrets.token_hex(16)}.{secrets.token_hex(8)}"


def payload_of(job: Job, token: str | None, trace_id: str) -> bytes:
    """Return the members of ctx of one job."""
    members = {
        **job.members,
        "headers": {**job.headers, "fusebit-trace-id": trace_id},
        "caller": {},
        "fusebit": {} if token is None else {"functionAccessToken": token},
    }
    return json.dumps(members).encode()


def _settle(replied: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not replied.done():
        replied.set_result(answer)
