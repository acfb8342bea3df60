"""The way of a call: found, authorised, limited, run, answered, remembered (contract 6.1)."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from fusebit_platform.gateway import answers, bodies, forms
from fusebit_platform.gateway.contracts import Caller, Executable, Executions, Runtime
from fusebit_platform.gateway.exchange import Exchange
from fusebit_platform.gateway.records import Records, RunRecord
from fusebit_platform.gateway.refusals import Refusal
from fusebit_platform.runtime.builds import Answer, Build

ADMITTED_SECONDS = 60.0  # how long a decision is remembered at most
ADMISSIONS = 2000  # remembered per function
FUNCTIONS = 20_000  # remembered in all
SOURCE_LINES = {name: f"x-fx-response-source: {name}\r\n".encode() for name in ("function", "provider", "proxy")}
Key = tuple[str, str, str]
InThread = Callable[..., Coroutine[Any, Any, Any]]
logger = logging.getLogger(__name__)


class Admission:
    """A caller who may run a function, ready to be put into ctx."""

    def __init__(self, caller: Caller, function_token: str | None, until: float) -> None:
        fusebit: dict[str, object] = {}
        if caller.access_token is not None:
            fusebit["callerAccessToken"] = caller.access_token
        if function_token is not None:
            fusebit["functionAccessToken"] = function_token
        permissions = {} if caller.permissions is None else {"permissions": caller.permissions}
        self.members = f'"caller":{json.dumps(permissions)},"fusebit":{json.dumps(fusebit)},'.encode()
        self.until = until


class Known:
    """A function that has been looked up, and who may run it."""

    def __init__(self, executable: Executable, endpoint: str) -> None:
        self.executable = executable
        self.path_matters = any("security" in route or "task" in route for route in executable.routes)
        self.admissions: dict[tuple[str | None, str, bool], Admission] = {}
        self.build = Build(
            boundary=f"{executable.subscription_id}/{executable.boundary_id}",
            function=executable.function_id,
            version=executable.version_id,
            files=executable.files,
            configuration=executable.configuration,
            memory_mb=executable.memory_mb,
            timeout_s=executable.timeout_s,
            context={
                "accountId": executable.account_id,
                "subscriptionId": executable.subscription_id,
                "boundaryId": executable.boundary_id,
                "functionId": executable.function_id,
                "baseUrl": executable.base_url,
                "fusebit": {"endpoint": endpoint},
            },
        )

    def admission_key(self, exchange: Exchange) -> tuple[str | None, str, bool]:
        """Name everything the decision depends on; a route's rules make the path and the verb part of it."""
        authorization = exchange.headers.get("authorization")
        if not self.path_matters:
            return (authorization, "", False)
        return (authorization, exchange.path, exchange.method == "POST")


class Gateway:
    """Answer requests to /v1/run/ from what is known; ask the platform's services only for the rest."""

    def __init__(
        self,
        executions: Executions,
        runtime: Runtime,
        *,
        base_url: str,
        shares_origin: bool = False,
        records: Records | None = None,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._executions = executions
        self._runtime = runtime
        self._base_url = base_url.rstrip("/")
        self._shares_origin = shares_origin
        self._in_thread = in_thread
        self._known: dict[Key, Known] = {}
        self._asked: dict[Key, asyncio.Future[Known]] = {}
        self._generation = -1
        self._running: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.records = records or Records()

    def accept(self, exchange: Exchange) -> None:
        """Run a complete request; its response is written later."""
        try:
            body = bodies.read(exchange.method, exchange.headers, bytes(exchange.body))
        except Refusal as refusal:
            self._refuse(exchange, refusal)
            return
        generation = self._executions.generation()
        if generation != self._generation:
            self._known, self._asked, self._generation = {}, {}, generation
        known = self._known.get(exchange.key)
        if known is not None:
            admission = known.admissions.get(known.admission_key(exchange))
            if admission is not None and admission.until > time.time():
                self._run(exchange, known, admission, body)
                return
        self._later(self._ask(exchange, body))

    # --- what is not known yet ---

    async def _ask(self, exchange: Exchange, body: bytes) -> None:
        try:
            known = await self._find(exchange.key)
            self._check_concurrency(known.executable)
            admission = await self._admit(exchange, known)
            self._run(exchange, known, admission, body)
        except Refusal as refusal:
            self._refuse(exchange, refusal)
        except Exception as error:  # noqa: BLE001 - the edge: services refuse with exceptions of their own
            self._refuse(exchange, refusal_from(error))

    async def _find(self, key: Key) -> Known:
        known = self._known.get(key)
        if known is not None:
            return known
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.ensure_future(self._look_up(key))
        return await asyncio.shield(asked)

    async def _look_up(self, key: Key) -> Known:
        """Ask for a function; the answer is kept for the generation of the question, not of the answer."""
        remembered, asked = self._known, self._asked
        try:
            executable = await self._in_thread(self._executions.find, *key)
        finally:
            asked.pop(key, None)
        if executable is None:
            raise Refusal(404, "Not Found")
        if len(remembered) >= FUNCTIONS:
            remembered.clear()
        known = remembered[key] = Known(executable, self._base_url)
        return known

    async def _admit(self, exchange: Exchange, known: Known) -> Admission:
        path = exchange.path
        key = known.admission_key(exchange)
        authorization = key[0]
        executable = known.executable
        caller = await self._in_thread(self._executions.authorise, executable, authorization, path, exchange.method)
        token = await self._in_thread(self._executions.function_access_token, executable, path)
        until = min(time.time() + ADMITTED_SECONDS, expiry(authorization))
        admission = Admission(caller, token, until)
        if len(known.admissions) >= ADMISSIONS:
            known.admissions.clear()
        known.admissions[key] = admission
        return admission

    # --- the call ---

    def _check_concurrency(self, executable: Executable) -> None:
        limit = executable.concurrency
        if limit is not None and 0 <= limit <= self._running.get(executable.subscription_id, 0):
            raise Refusal(429, "Subscription has exceeded concurrency throttle", cause="rate_limited")

    def _run(self, exchange: Exchange, known: Known, admission: Admission, body: bytes) -> None:
        try:
            self._check_concurrency(known.executable)
        except Refusal as refusal:
            self._refuse(exchange, refusal)
            return
        subscription = known.executable.subscription_id
        self._running[subscription] = self._running.get(subscription, 0) + 1
        payload = payload_of(exchange, admission.members, body)
        self._runtime.submit(known.build, payload, partial(self._answered, exchange, known))

    def _answered(self, exchange: Exchange, known: Known, answer: Answer) -> None:
        subscription = known.executable.subscription_id
        left = self._running.get(subscription, 1) - 1
        if left:
            self._running[subscription] = left
        else:
            self._running.pop(subscription, None)
        status, source, cause = answer.status, answer.source, answer.cause
        try:
            answers.check_status(status)
            lines = answers.header_block(answer.headers, shares_origin=self._shares_origin)
            body = answer.body
        except answers.Unusable as error:
            status, source, cause = 500, "provider", "code_error"
            lines = answers.CORS + answers.NOSNIFF + answers.JSON_TYPE
            body = answers.error_body(500, str(error))
        exchange.respond(status, lines + SOURCE_LINES[source], body)
        self._remember(exchange, status, source, cause, known.executable.version_id)

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        exchange.refuse(refusal)
        self._remember(exchange, refusal.status, "", refusal.cause or CAUSES.get(refusal.status, "refused"), "")

    def _remember(self, exchange: Exchange, status: int, source: str, cause: str, version: str) -> None:
        subscription, boundary, function = exchange.key
        started = exchange.started
        duration = (time.time() - started) * 1000
        path = exchange.path.partition("?")[0]
        record = (started, duration, subscription, boundary, function, version, exchange.method, path)
        self.records.add(RunRecord(*record, status, source, cause, exchange.trace_id))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


CAUSES = {403: "auth_denied", 404: "not_found", 413: "too_large", 429: "rate_limited"}


def payload_of(exchange: Exchange, members: bytes, body: bytes) -> bytes:
    """Return the members of ctx of one call as JSON, the body as it came (contract 6.3)."""
    query = json.dumps(forms.parse_query(exchange.query)) if exchange.query else "{}"
    head = (
        f'{{"method":"{exchange.method}","path":{quoted(exchange.path)},"url":{quoted(exchange.url)},"query":{query},'
        f'"headers":'
    )
    trace = f'"fusebit-trace-id":"{exchange.trace_id}"}},'
    return b"".join((head.encode(), exchange.headers_json, trace.encode(), members, b'"body":', body, b"}"))


def expiry(authorization: str | None) -> float:
    """Return the `exp` of a bearer token in seconds since the epoch; infinity when it has none."""
    if not authorization:
        return float("inf")
    try:
        payload = authorization.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return float("inf")


def refusal_from(error: Exception) -> Refusal:
    """Return what a service's exception means: its own status and message, or an internal error."""
    status, message = getattr(error, "status", None), getattr(error, "message", None)
    if isinstance(status, int) and 400 <= status <= 599 and isinstance(message, str):
        return Refusal(status, message)
    logger.error("A call to a function could not be prepared.", exc_info=error)
    return Refusal(500, "Internal error", cause="platform")
