"""The way of a call: found, authorised, limited, run, answered, remembered (contract 6.1)."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from fusebit_platform.entries import RunEntry, details
from fusebit_platform.gateway import answers, bodies, scheduling
from fusebit_platform.gateway.contracts import Executions, Runtime
from fusebit_platform.gateway.exchange import Exchange
from fusebit_platform.gateway.known import ADMITTED_SECONDS, Admission, Known
from fusebit_platform.gateway.quotas import Quotas
from fusebit_platform.gateway.records import Records
from fusebit_platform.gateway.refusals import Refusal, refusal_from
from fusebit_platform.gateway.tunnel import Tunnel
from fusebit_platform.runtime.builds import Answer

MESSAGE = 500  # characters kept of an error's message
FUNCTIONS = 20_000  # remembered in all
Key = tuple[str, str, str]
InThread = Callable[..., Coroutine[Any, Any, Any]]
logger = logging.getLogger(__name__)


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
        in_slow_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._executions = executions
        self._runtime = runtime
        self._base_url = base_url.rstrip("/")
        self._shares_origin = shares_origin
        self._in_thread = in_thread
        self._in_slow_thread = in_slow_thread  # for tokens: a function may publish their keys
        self._known: dict[Key, Known] = {}
        self._asked: dict[Key, asyncio.Future[Known]] = {}
        self._generation = -1
        self.quotas = Quotas()
        self._tasks: set[asyncio.Task[None]] = set()
        self.records = records or Records()
        self._tunnel = Tunnel()
        self.on_scheduled: Callable[[], None] = lambda: None

    def accept(self, exchange: Exchange) -> None:
        """Run a complete request; its response is written later."""
        body = bodies.EMPTY
        if exchange.body:
            try:
                body = bodies.read(exchange.method, exchange.headers, bytes(exchange.body))
            except Refusal as refusal:
                self._refuse(exchange, refusal)
                return
        self._forget_what_changed()
        known = self._known.get(exchange.key)
        if known is not None:
            admission = known.admissions.get(known.admission_key(exchange))
            if admission is not None and admission.until > time.time():
                self._run(exchange, known, admission, body)
                return
        self._later(self._ask(exchange, body))

    async def find(self, key: Key) -> Known:
        """Return a function as it is now; raise Refusal or what the services raise."""
        self._forget_what_changed()
        return await self._find(key)

    def _forget_what_changed(self) -> None:
        generation = self._executions.generation()
        if generation != self._generation:
            self._known, self._asked, self._generation = {}, {}, generation

    # --- what is not known yet ---

    async def _ask(self, exchange: Exchange, body: bytes) -> None:
        try:
            known = await self._find(exchange.key)
            self.quotas.check(known)
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
            limit = await self._in_thread(self._executions.concurrency, key[0])
            self.quotas.check_subscription(key[0], limit)
            raise Refusal(404, "Not Found")
        if len(remembered) >= FUNCTIONS:
            remembered.clear()
        known = remembered[key] = Known(executable, self._base_url, self.quotas.use)
        return known

    async def _admit(self, exchange: Exchange, known: Known) -> Admission:
        path = exchange.path
        executable, authorization = known.executable, exchange.headers.get("authorization")
        thread = self._in_slow_thread if authorization else self._in_thread
        caller = await thread(self._executions.authorise, executable, authorization, path, exchange.method)
        token = await self._function_token(known, path)
        return known.admit(known.admission_key(exchange), authorization, caller, token)

    async def _function_token(self, known: Known, path: str) -> str | None:
        """Return the token a function runs with; signing one costs more than a call."""
        token, until = known.function_token
        if until <= time.time():
            token = await self._in_thread(self._executions.function_access_token, known.executable, path)
            known.function_token = (token, time.time() + ADMITTED_SECONDS)
        return token

    # --- the call ---

    def _run(self, exchange: Exchange, known: Known, admission: Admission, body: bytes) -> None:
        route = scheduling.route_of(known, exchange) if known.has_tasks else None
        if route is not None:
            self._later(self._schedule(exchange, known, route, body))
            return
        try:
            self.quotas.begin(known)
        except Refusal as refusal:
            self._refuse(exchange, refusal, known, admission)
            return
        payload = payload_of(exchange, admission.members, body)
        reply = partial(self._answered, exchange, known, admission)
        if known.redirect_url:
            self._tunnel.submit(f"{known.redirect_url}/v1{exchange.url}", known.build, payload, reply)
        else:
            self._runtime.submit(known.build, payload, reply, exchange.trace_id)

    async def _schedule(self, exchange: Exchange, known: Known, route: Mapping[str, Any], body: bytes) -> None:
        try:
            self.quotas.check(known)
            told = await self._in_thread(
                partial(
                    self._executions.schedule,
                    known.executable,
                    route,
                    scheduling.members_of(exchange, body),
                    not_before=exchange.headers.get(scheduling.NOT_BEFORE),
                    received_ms=int(exchange.started * 1000),
                    base_url=scheduling.base_url(exchange.headers),
                )
            )
        except Exception as error:  # noqa: BLE001 - the edge: services refuse with exceptions of their own
            refusal = error if isinstance(error, Refusal) else refusal_from(error)
            self._refuse(exchange, refusal, known)
            return
        location = f"location: {told['location']}\r\n".encode("latin-1")
        lines = answers.CORS + answers.NOSNIFF + answers.JSON_TYPE + location + answers.SOURCE_LINES["function"]
        body = json.dumps(told).encode()
        exchange.respond(202, lines, body)
        self._remember(
            exchange,
            status=202,
            source="function",
            version=known.version,
            response_bytes=len(body),
        )
        self.on_scheduled()

    def _answered(self, exchange: Exchange, known: Known, admission: Admission, answer: Answer) -> None:
        self.quotas.end(known)
        status, source, headers, body, cause, message, cpu_ms = answer
        try:
            lines = answers.header_block(status, source, headers, shares_origin=self._shares_origin)
        except answers.Unusable as error:
            status, source, cause, message = 500, "provider", "code_error", str(error)
            lines = answers.CORS + answers.NOSNIFF + answers.JSON_TYPE + answers.SOURCE_LINES[source]
            body = answers.error_body(500, message)
        exchange.respond(status, lines, body)
        if cause and not message:
            message = message_in(answer.body)
        started = exchange.started
        self.records.add(
            known.place,
            (  # a RunEntry, in the order of its members: this is the warm path
                exchange.key[2],
                known.version,
                exchange.method,
                exchange.plain_path,
                status,
                source,
                cause,
                int(started * 1000),
                (time.time() - started) * 1000,
                cpu_ms,
                exchange.body_bytes,
                len(body),
                exchange.trace_id,
                "http",
                details(caller=admission.caller, permissions=admission.permissions, message=message)
                if message
                else admission.details,
            ),
        )

    def _refuse(
        self, exchange: Exchange, refusal: Refusal, known: Known | None = None, admission: Admission | None = None
    ) -> None:
        exchange.refuse(refusal)
        self._remember(
            exchange,
            status=refusal.status,
            cause=refusal.cause or CAUSES.get(refusal.status, ""),
            version=known.version if known else None,
            told=details(
                caller=admission.caller if admission else refusal.caller,
                permissions=admission.permissions if admission else None,
                missing=refusal.missing,
                message=refusal.detail,
            ),
        )

    def _remember(
        self,
        exchange: Exchange,
        *,
        status: int,
        version: int | None,
        source: str = "",
        cause: str = "",
        response_bytes: int = 0,
        told: str = "{}",
    ) -> None:
        """Remember a call that no process worked on."""
        subscription, boundary, function = exchange.key
        entry = RunEntry(
            function_id=function,
            version=version,
            method=exchange.method,
            path=exchange.plain_path,
            status=status,
            source=source,
            cause=cause,
            started_ms=int(exchange.started * 1000),
            duration_ms=(time.time() - exchange.started) * 1000,
            cpu_ms=None,
            request_bytes=exchange.body_bytes,
            response_bytes=response_bytes,
            trace_id=exchange.trace_id,
            kind="http",
            details=told,
        )
        self.records.add((subscription, boundary), entry)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


CAUSES = {403: "auth_denied", 404: "not_found", 413: "too_large", 415: "", 429: "rate_limited", 500: "platform"}


def payload_of(exchange: Exchange, members: bytes, body: bytes) -> bytes:
    """Return the members of ctx of one call as JSON, the body as it came (contract 6.3)."""
    own = f'"fusebit-trace-id":"{exchange.trace_id}"}},"method":"{exchange.method}",'
    parts = (b"{", exchange.members, exchange.headers_json, own.encode(), members, b'"body":', body, b"}")
    return b"".join(parts)


def message_in(body: bytes) -> str:
    """Return the message of an error's JSON body, shortened; the body is hostile."""
    try:
        message = json.loads(body)["message"] if len(body) <= 64 * 1024 else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return message[:MESSAGE] if isinstance(message, str) else ""
