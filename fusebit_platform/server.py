"""Serve the embedded Fusebit: one process, one port; functions by the gateway, the rest by Django."""

import asyncio
import contextlib
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import uvicorn
import uvloop

from fusebit_platform import listening
from fusebit_platform.egress import addresses, rules
from fusebit_platform.egress.proxy import Proxy
from fusebit_platform.gateway.background import Background, Jobs
from fusebit_platform.gateway.connection import IDLE_SECONDS, Connection
from fusebit_platform.gateway.contracts import Executions
from fusebit_platform.gateway.flow import Gateway, InThread
from fusebit_platform.gateway.records import Records
from fusebit_platform.runtime import node, probe, spares
from fusebit_platform.runtime.builds import LogSink
from fusebit_platform.runtime.pool import Pool
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.refusing import Refusing

DRAIN_SECONDS = 3
SWITCH_SECONDS = 0.0001  # the event loop gets its turn, whatever other threads compute
LOOK_UP_THREADS = 4
DECISION_THREADS = 8
BACKLOG = 2048


def serve(*, port: int, base_url: str, allow_weak_sandbox: bool = False) -> None:
    """Run the platform on `port` until SIGTERM or SIGINT; print `Ready: URL` when it answers.

    Strangers' code is refused with 503 where it cannot be isolated, unless `allow_weak_sandbox`. Raise RuntimeFault or
    OSError with one clear sentence when the platform cannot start.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fusebit_platform.settings")
    from django.db import close_old_connections

    from fusebit_platform.asgi import get_application

    application = get_application()
    from fusebit_platform.scribe.collector import Collector
    from fusebit_platform.services import executions, jobs, live_logs

    def fresh(question: Callable[..., object], *arguments: object) -> object:
        close_old_connections()
        try:
            return question(*arguments)
        finally:
            close_old_connections()

    records = Records()
    run(
        application,
        executions,
        port=port,
        base_url=base_url,
        around=fresh,
        logs=live_logs.hub,
        records=records,
        companions=[Collector(records, live_logs.hub)],
        jobs=jobs,
        allow_weak_sandbox=allow_weak_sandbox or os.environ.get("ALLOW_WEAK_SANDBOX", "") == "1",
    )


class Logs(Protocol):
    """Where the lines of functions go, on the event loop."""

    @property
    def sink(self) -> LogSink: ...
    def attach(self, loop: asyncio.AbstractEventLoop) -> None: ...
    def close(self) -> None: ...


class Companion(Protocol):
    """Work that goes on beside the requests."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is served, and where."""

    application: Any  # ASGI
    executions: Executions
    base_url: str
    around: Callable[..., object]  # wraps every look-up in its thread
    jobs: Jobs | None  # what runs without anybody calling
    logs: Logs | None  # where the lines of functions go
    allow_weak_sandbox: bool
    records: Records
    companions: Sequence[Companion]


def run(
    application: Any,
    executions: Executions,
    *,
    port: int,
    base_url: str,
    around: Callable[..., object] | None = None,
    logs: Logs | None = None,
    jobs: Jobs | None = None,
    allow_weak_sandbox: bool = False,
    records: Records | None = None,
    companions: Sequence[Companion] = (),
) -> None:
    """Serve an ASGI application and the functions that `executions` knows.

    `around` wraps every look-up; `records` is where calls are remembered; `companions` live as long as the server.
    """
    site = Site(
        application=application,
        executions=executions,
        base_url=base_url,
        around=around or _plainly,
        logs=logs,
        jobs=jobs,
        allow_weak_sandbox=allow_weak_sandbox,
        records=records or Records(),
        companions=companions,
    )
    recipe = Recipe.of(node.find())
    sockets = listening.listen(port)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(site, recipe, sockets))


class Threads:
    """Ask services in threads of their own, so that those who wait for others leave these free."""

    def __init__(self, name: str, count: int, around: Callable[..., object]) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._around = around

    async def ask(self, question: Callable[..., object], *arguments: object) -> object:
        """Return the answer."""
        asked = functools.partial(self._around, question, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, asked)

    def close(self) -> None:
        """Take no more questions."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _serve(site: Site, recipe: Recipe, sockets: list[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    look_ups = Threads("look-up", LOOK_UP_THREADS, site.around)
    decisions = Threads("decision", DECISION_THREADS, site.around)
    if site.logs is not None:
        site.logs.attach(loop)
    sink = site.logs.sink if site.logs is not None else None
    egress = Proxy(operator_rules(site.base_url))
    runtime = await isolated(recipe, egress, allow_weak=site.allow_weak_sandbox, sink=sink)
    try:
        await runtime.start()
        shares_origin = os.environ.get("RUN_SHARES_ORIGIN", "") == "1"
        gateway = Gateway(
            site.executions,
            runtime,
            base_url=site.base_url,
            shares_origin=shares_origin,
            records=site.records,
            in_thread=look_ups.ask,
            in_slow_thread=decisions.ask,
        )
        for companion in site.companions:
            await companion.start()
        background = background_of(site, gateway, runtime, look_ups.ask)
        server = Server(config_for(site.application, gateway), site.logs)
        ready = loop.create_task(listening.announce(server, sockets[0], site.base_url))
        if background is not None:
            background.start()
        gc.collect()
        gc.freeze()  # what is loaded by now stays: no later look for garbage goes through it again
        await server.serve(sockets=sockets)
        ready.cancel()
        if background is not None:
            await background.stop()
    finally:
        for companion in site.companions:
            await companion.close()
        await runtime.close()
        egress.close()
        look_ups.close()
        decisions.close()


def operator_rules(base_url: str) -> rules.Operator:
    """Return what the operator lets every function reach; raise ValueError for nonsense in the environment."""
    own, encrypted = rules.own_api(base_url)
    return rules.Operator(
        ports=rules.ports(os.environ.get("EGRESS_PORTS", "")),
        networks=addresses.networks(os.environ.get("EGRESS_NETWORKS", "")),
        own=own,
        own_encrypted=encrypted,
    )


def spares_wanted() -> int:
    """Return how many processes wait for functions that have none; raise ValueError for nonsense."""
    return int(os.environ.get("SPARE_PROCESSES") or spares.usual())


def background_of(site: Site, gateway: Gateway, runtime: Pool | Refusing, in_thread: InThread) -> Background | None:
    """Return what runs tasks and schedules, None where there are none."""
    if site.jobs is None:
        return None
    background = Background(site.jobs, runtime, gateway.find, gateway.quotas, records=site.records, in_thread=in_thread)
    gateway.on_scheduled = background.wake
    return background


async def isolated(recipe: Recipe, egress: Proxy, *, allow_weak: bool, sink: LogSink | None = None) -> Pool | Refusing:
    """Return the runtime this machine may have, and say on stderr how it isolates functions."""
    chosen, report = await probe.strongest(recipe, egress)
    if report.sound:
        print(f"Sandbox: {report}.", file=sys.stderr, flush=True)
        return Pool(chosen, spares=spares_wanted(), sink=sink, egress=egress)
    if allow_weak and not report.trouble:
        print(f"Sandbox: WEAK, allowed by --allow-weak-sandbox; {report}.", file=sys.stderr, flush=True)
        return Pool(chosen, spares=spares_wanted(), sink=sink, egress=egress)
    probe.refuse(f"Runtime isolation is unavailable: {report}.")
    advice = "Functions are refused; --allow-weak-sandbox runs them all the same."
    print(f"Sandbox: {report}. {advice}", file=sys.stderr, flush=True)
    return Refusing()


def config_for(application: Any, gateway: Gateway) -> uvicorn.Config:
    """Return uvicorn's configuration with our connection class."""
    return uvicorn.Config(
        application,
        http=type("GatewayConnection", (Connection,), {"gateway": gateway}),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=BACKLOG,
    )


class Server(uvicorn.Server):
    """uvicorn's server, with our deadlines and our end."""

    def __init__(self, config: uvicorn.Config, logs: Logs | None) -> None:
        super().__init__(config)
        self._logs = logs

    async def on_tick(self, counter: int) -> bool:
        """Sweep the connections once a second."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                connection.sweep(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, drain, then end what is left."""
        if self._logs is not None:
            self._logs.close()
        close_streams = getattr(self.config.app, "close", None)
        if close_streams is not None:
            close_streams()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT without dying of them, so that no child is left behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def _plainly(question: Callable[..., object], *arguments: object) -> object:
    return question(*arguments)
