"""What is killed with -9 leaves nothing behind, and what is left recovers (architecture 3)."""

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fusebit_platform.runtime.builds import Answer
from fusebit_platform.runtime.recipe import Recipe
from tests.gateway import web
from tests.gateway.conftest import Platform, start
from tests.runtime.conftest import Functions

BUSY = 20
WAIT = "module.exports = async (ctx) => { if (ctx.wait) for (;;); return { body: 1 }; };"


def children(pid: int) -> set[int]:
    """Return the processes below `pid`, all generations."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdigit():
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(after_name[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def alive(pids: set[int]) -> set[int]:
    left = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            left |= {pid} if state != "Z" else set()
    return left


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_launcher_takes_twenty_busy_sandboxes_along_and_is_replaced(recipe: Recipe) -> None:
    functions = Functions(recipe, spares=0)
    builds = [functions.build(WAIT, boundary=f"busy{number}", timeout_s=60) for number in range(BUSY)]

    async def killed() -> tuple[list[Answer], set[int]]:
        calls = [asyncio.create_task(functions.answer(build, wait=True)) for build in builds]
        await functions.settle(lambda: all(functions.pool.pids(build.boundary) for build in builds))
        pids = set().union(*(functions.pool.pids(build.boundary) for build in builds))
        launcher = functions.pool._launching._program
        assert launcher is not None
        os.kill(launcher.pid, signal.SIGKILL)
        await functions.settle(lambda: not alive(pids))
        return list(await asyncio.gather(*calls)), pids

    try:
        answers, pids = functions.run(killed())
        assert len(pids) == BUSY
        assert {answer.status for answer in answers} == {500}
        assert [functions.body(build) for build in builds[:3]] == [1, 1, 1]
    finally:
        functions.close()


def leftovers(platform: Platform) -> list[str]:
    return [path.name for path in (platform.path.parent / "temporary").iterdir()]


def test_a_killed_platform_leaves_no_process_no_directory_and_no_mount(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    platform = start(tmp_path)
    source = "module.exports = async (ctx) => { if (ctx.query.wait) for (;;); return { body: 1 }; };"
    urls = [platform.put(f"busy{number}/f", source) for number in range(BUSY)]

    def occupy(url: str) -> None:
        with contextlib.suppress(OSError, web.requests.RequestException):
            web.get(url + "?wait=1", timeout=60)

    with concurrent.futures.ThreadPoolExecutor(BUSY) as callers:
        for url in urls:
            callers.submit(occupy, url)
        wait_until(lambda: len(children(platform.process.pid)) > BUSY)
        pids = children(platform.process.pid)
        platform.stop(signal.SIGKILL)
    wait_until(lambda: not alive(pids))
    wait_until(lambda: not leftovers(platform))
    assert Path("/proc/self/mountinfo").read_text() == mounts
