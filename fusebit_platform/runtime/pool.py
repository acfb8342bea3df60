"""The worker processes of one node: a few spare ones, and those bound to a function version."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from fusebit_platform.runtime import builds, eviction, limits, memory, node, packing, recipe
from fusebit_platform.runtime.builds import Answer, Build, LogSink, Reply, failure
from fusebit_platform.runtime.errors import NodeFull, RuntimeFault, SpawnFailed
from fusebit_platform.runtime.lanes import TOO_MANY, Lane
from fusebit_platform.runtime.outlets import Egress
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.spares import AT_ONCE, Filling, Spares
from fusebit_platform.runtime.spawning import Launching
from fusebit_platform.runtime.worker import Worker

TICK_SECONDS = 0.1
USUAL_MEMORY_MB = 128  # what spare processes are prepared for


class Pool:
    """Run calls in worker processes, each bound for ever to one version of one function of one boundary."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        spares: int = 2,
        max_workers: int = 200,
        idle_seconds: float = 300.0,
        sink: LogSink | None = None,
        egress: Egress | None = None,
    ) -> None:
        self._recipe = recipe if egress is not None else recipe.without_egress()
        self._egress = egress if self._recipe.egress else None
        self._launching = Launching()
        self._wanted_spares = spares
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds
        self._sink = sink
        self._spares = Spares()
        self._spares_arriving = 0
        self._filling = Filling()
        self._lanes: dict[tuple[str, str, str], Lane] = {}
        self._current: dict[tuple[str, str], Lane] = {}
        self._workers: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._root: Path | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._idle_bytes = 0
        self._packed: set[Path] = set()  # trees of packages that are, or are being, packed
        self._closed = False
        self._ticks = 0

    # --- for the platform ---

    async def start(self) -> None:
        """Start a first process, measure it, and prepare spares; raise RuntimeFault."""
        await asyncio.to_thread(node.version)  # asks the binary, once
        self._root = Path(tempfile.mkdtemp(prefix="functions-"))
        self._launching.root = self._root
        self._root.chmod(0o711)  # workers of a root platform pass through, and cannot list
        sample = await self._spawn(USUAL_MEMORY_MB, unbounded=True)
        self._idle_bytes = memory.mapped_bytes(sample.process.pid if sample.process else 0)
        sample.kill()
        await asyncio.wait_for(sample.gone, 5)
        self._tick()
        self._prepare()

    def submit(self, build: Build, payload: bytes, reply: Reply, trace_id: str = "") -> None:
        """Run one call: `payload` is a JSON object, the members of ctx; `reply` is called exactly once."""
        lane = self._lanes.get(build.key) or self._open(build)
        if lane.build is not build:
            lane.renew(build)
        worker = lane.ready()
        if worker is not None and len(worker.calls) < limits.CALLS_IN_FLIGHT:
            worker.submit(payload, time.monotonic() + build.timeout_s, reply, trace_id)
            return
        if lane.load >= limits.CALLS_IN_FLIGHT:
            reply(TOO_MANY)
            return
        deadline = time.monotonic() + build.timeout_s
        if worker is None and not lane.arriving:
            worker = lane.last_resort()
        if worker is not None:
            worker.submit(payload, deadline, reply, trace_id)
            return
        lane.waiting.append((payload, deadline, reply, trace_id))
        if not lane.arriving:
            lane.arriving += 1
            self._later(self._provide(lane))

    async def close(self) -> None:
        """Kill every process and remove every directory."""
        self._closed = True
        if self._ticker is not None:
            self._ticker.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._launching.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(worker.gone for worker in self._workers)), 2)
        if self._root is not None:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    def pids(self, boundary: str) -> set[int]:
        """Return the process ids that serve a boundary now."""
        return {
            worker.process.pid
            for worker in self._workers
            if worker.build is not None and worker.build.boundary == boundary and worker.process is not None
        }

    async def forget(self, build: Build) -> None:
        """End the processes of a build; calls on them end with them."""
        lane = self._lanes.get(build.key)
        gone = [worker.gone for worker in lane.workers] if lane is not None else []
        for worker in lane.workers if lane is not None else []:
            worker.kill()
        await asyncio.gather(*gone)

    # --- lanes ---

    def _open(self, build: Build) -> Lane:
        lane = self._lanes[build.key] = Lane(build)
        name = (build.boundary, build.function)
        previous = self._current.get(name)
        if previous is not None:
            self._retire(previous)
        self._current[name] = lane
        return lane

    def _retire(self, lane: Lane) -> None:
        """Let the calls of an older version end where they run, and no new one begin there."""
        lane.superseded = True
        self._lanes.pop(lane.build.key, None)
        for worker in lane.workers:
            worker.retiring = True

    async def _provide(self, lane: Lane) -> None:
        """Bring a process to a lane and hand it the calls that wait."""
        try:
            worker = await self._bound(lane.build)
        except NodeFull:
            self._refuse(lane, TOO_MANY)
            return
        except (RuntimeFault, OSError) as error:  # of the latter no room on the disk, no descriptors left
            self._refuse(lane, failure(500, _reason(error), kind="Function.NotStarted", cause="platform"))
            return
        except asyncio.CancelledError:
            self._refuse(lane, failure(503, "The platform is stopping.", kind="", cause="platform", source="proxy"))
            raise
        finally:
            lane.arriving -= 1
        lane.workers.append(worker)
        worker.retiring = worker.retiring or lane.superseded
        while lane.waiting:
            worker.submit(*lane.waiting.popleft())

    def _refuse(self, lane: Lane, answer: Answer) -> None:
        while lane.waiting:
            lane.waiting.popleft()[2](answer)

    async def _bound(self, build: Build) -> Worker:
        eviction.make_room(self._workers, self._max_workers)
        packages = build.dependencies is not None
        spare = self._spares.take(packages=packages) if build.memory_mb == USUAL_MEMORY_MB else None
        worker = spare or await self._spawn(build.memory_mb)
        directory = worker.directory / "app"
        builds.write_files(build, directory)
        if build.dependencies is not None:
            await self._show_packages(worker, build.dependencies, directory / "node_modules")
        worker.bind(build, self._recipe.code_directory(worker.directory))
        if spare is not None:
            asyncio.get_running_loop().call_later(TICK_SECONDS / 4, self._prepare)
        return worker

    async def _show_packages(self, worker: Worker, source: Path, target: Path) -> None:
        """Let a process see its packages: by a mount where there are namespaces, else as a copy of its own."""
        if source not in self._packed and not packing.piece(source).exists():
            self._later(self._pack(source))
        self._packed.add(source)
        target.mkdir(mode=0o755)
        share = self._recipe.namespaces  # what is mounted is read-only for the function
        if share and worker.process is not None and await self._launching.show(worker.process, source, target):
            return
        await asyncio.to_thread(builds.place_packages, source, target, share=share)

    async def _pack(self, packages: Path) -> None:
        build = packing.build_of(packages)
        await packing.pack(packages, build, self.submit)
        await self.forget(build)

    # --- processes ---

    def _prepare(self) -> None:
        """Have a few spare processes at once; all further ones come one by one, when there is time."""
        for _ in range(min(AT_ONCE, self._wanted_spares) - len(self._spares) - self._spares_arriving):
            self._begin_spare()

    def _begin_spare(self) -> None:
        if not self._closed and len(self._spares) + self._spares_arriving < self._wanted_spares:
            self._spares_arriving += 1
            self._later(self._add_spare())

    async def _add_spare(self) -> None:
        try:
            self._spares.add(await self._spawn(USUAL_MEMORY_MB))
        except (RuntimeFault, OSError):
            pass  # the call that needs a process will say so
        finally:
            self._spares_arriving -= 1

    async def _spawn(self, memory_mb: int, *, unbounded: bool = False) -> Worker:
        bound = limits.Limits.of(memory_mb=memory_mb, idle_bytes=self._idle_bytes)
        if unbounded:
            bound = limits.Limits(heap_mb=memory_mb, writable_bytes=0)
        directory = Path(tempfile.mkdtemp(dir=self._root))
        host_id = recipe.host_id()
        self._recipe.prepare(directory, host_id)
        worker = Worker(launching=self._launching, directory=directory, memory_mb=memory_mb, sink=self._sink)
        if self._egress is not None:
            worker.outlet = await self._egress.open(directory, host_id)
        self._workers.add(worker)
        worker.gone.add_done_callback(lambda _: self._bury(worker))
        try:
            plan = self._recipe.plan(directory, bound, host_id)
            process = await self._launching.spawn(plan, on_exit=worker.exited)
            await worker.attach(process)
        except (TimeoutError, asyncio.CancelledError) as error:
            worker.kill()
            if asyncio.current_task() is not None and asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            raise SpawnFailed(f"A function's process did not become ready. {worker.last_words}".strip()) from error
        return worker

    def _bury(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._spares.discard(worker)
        lane = self._lanes.get(worker.build.key) if worker.build else None
        if lane is not None and worker in lane.workers:
            lane.workers.remove(worker)
            self._forget_when_empty(lane)
        if not self._closed:
            asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, worker.directory, True)

    def _forget_when_empty(self, lane: Lane) -> None:
        if lane.workers or lane.waiting or lane.arriving:
            return
        self._lanes.pop(lane.build.key, None)
        name = (lane.build.boundary, lane.build.function)
        if self._current.get(name) is lane:
            del self._current[name]

    # --- time ---

    def _tick(self) -> None:
        now = time.monotonic()
        self._ticks += 1
        is_whole_second = self._ticks % 10 == 0
        if self._filling.is_due(now) and not self._spares_arriving:
            self._begin_spare()
        for worker in list(self._workers):
            if worker.build is None:
                continue
            if not worker.calls and now - worker.idle_since > self._idle_seconds:
                worker.retiring = True
            if worker.calls or worker.retiring:
                worker.tick(now)
            elif is_whole_second:
                worker.look_idle()
        if is_whole_second and memory.is_scarce():
            self._wanted_spares = min(AT_ONCE, self._wanted_spares)
            eviction.evict(self._workers)
        self._ticker = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _later(self, work: "asyncio.coroutines.Coroutine[object, object, None]") -> None:  # type: ignore[name-defined]
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, RuntimeFault) else "The platform has no room for another process."
