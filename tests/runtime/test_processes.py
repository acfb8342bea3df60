"""Processes: how they end, and that nothing is shared or left behind (SB-13 to SB-19, SB-40)."""

import asyncio
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fusebit_platform.runtime import node
from fusebit_platform.runtime.builds import Answer
from fusebit_platform.runtime.errors import BadFrame, NodeMissing
from fusebit_platform.runtime.frames import Decoder, Kind, encode
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.spares import Filling
from tests.runtime.conftest import TOKEN, Functions


def message_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["message"])


@pytest.mark.parametrize(
    "end",
    [
        "process.exit(0);",
        "process.exit(3);",
        "process.abort();",
        "process.kill(process.pid, 'SIGKILL');",
        "process.reallyExit(1);",
    ],
)
def test_a_process_that_ends_itself_is_an_error_and_the_next_call_works(functions: Functions, end: str) -> None:
    build = functions.build(
        f"module.exports = async (ctx) => {{ if (ctx.end) {{ {end} await new Promise(() => {{}}); }}"
        "return { body: 1 }; };",
        timeout_s=2,
    )
    answer = functions.call(build, end=True)
    assert (answer.status, answer.source) in ((500, "provider"), (522, "provider"))
    assert functions.body(build) == 1


@pytest.mark.parametrize(
    "written", ["'garbage that is no frame'", "Buffer.alloc(1e6, 255)", "Buffer.from([5,0,0,0,17,1,0,0,0])"]
)
def test_garbage_on_the_channel_ends_the_process_and_no_other(functions: Functions, written: str) -> None:
    forge = f"if (ctx.forge) require('fs').writeSync(3, {written});"
    source = f"module.exports = async (ctx) => {{ {forge} return {{ body: 1 }}; }};"
    build = functions.build(source, timeout_s=2)
    other = functions.build(TOKEN)
    token = functions.body(other)
    answer = functions.call(build, forge=True)
    assert answer.status in (200, 500, 522)
    assert functions.body(build) == 1
    assert functions.body(other) == token


def test_output_outside_the_console_is_logged(functions: Functions) -> None:
    functions.logged.clear()
    functions.body("module.exports = async (ctx) => { process.stdout.write('raw'); return { body: 1 }; };")
    functions.run(functions.settle(lambda: any(entry["msg"] == "raw" for _, entry in functions.logged)))


def test_no_two_boundaries_functions_or_versions_share_a_process(functions: Functions) -> None:
    builds = [
        functions.build(TOKEN, boundary=boundary, function=function, version="1")
        for boundary in ("x", "y")
        for function in ("f", "g")
    ]
    builds.append(functions.build(TOKEN, boundary="y", function="g", version="2"))
    assert len({functions.body(build) for build in builds}) == len(builds)


def test_a_new_version_serves_at_once_while_calls_on_the_old_one_end_there(functions: Functions) -> None:
    old = functions.build(
        "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, 2500)); return { body: 'old' }; };",
        boundary="switched",
        function="switched",
    )
    new = functions.build(
        "module.exports = async (ctx) => ({ body: 'new' });", boundary="switched", function="switched", version="2"
    )

    async def switch() -> list[str]:
        slow = asyncio.create_task(functions.answer(old))
        await functions.settle(lambda: functions.pool.pids("switched"))
        fast = [json.loads((await functions.answer(new)).body) for _ in range(3)]
        assert not slow.done()
        return [*fast, json.loads((await slow).body)]

    assert functions.run(switch()) == ["new", "new", "new", "old"]


def test_a_process_that_wakes_interrupts_nobody(functions: Functions) -> None:
    functions.call(functions.build(TOKEN, boundary="polite"))
    (pid,) = functions.pool.pids("polite")
    policies = {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{pid}/task").iterdir()}
    assert policies == {os.SCHED_BATCH}


def test_the_environment_of_the_platform_does_not_reach_a_function(functions: Functions) -> None:
    source = "module.exports = async (ctx) => ({ body: Object.keys(process.env) });"
    assert functions.body(functions.build(source, boundary="bare")) == []
    (pid,) = functions.pool.pids("bare")
    assert b"DATA_DIR" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_only_four_descriptors_are_open_in_a_worker(functions: Functions) -> None:
    build = functions.build(TOKEN, boundary="few")
    functions.body(build)
    (pid,) = functions.pool.pids("few")
    kinds = {descriptor.name: str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    assert kinds["0"] == "/dev/null"
    assert kinds["1"] == kinds["2"]
    assert kinds["3"].startswith("socket:")
    own = {name: target for name, target in kinds.items() if int(name) > 3}
    assert all(target.startswith(("anon_inode:", "pipe:", "/dev/null")) for target in own.values()), own


def test_idle_processes_are_ended(recipe: Recipe) -> None:
    functions = Functions(recipe, spares=0, idle_seconds=0.2)
    try:
        functions.body(functions.build(TOKEN, boundary="idle"))
        (pid,) = functions.pool.pids("idle")
        functions.run(functions.settle(lambda: not Path(f"/proc/{pid}").exists()))
        assert functions.body(functions.build(TOKEN, boundary="idle"))
    finally:
        functions.close()


def test_a_full_node_ends_the_process_that_has_been_idle_longest(recipe: Recipe) -> None:
    functions = Functions(recipe, spares=0, max_workers=3)
    try:
        for number in range(8):
            assert functions.body(functions.build(TOKEN, boundary=f"full{number}"))
        live = [number for number in range(8) if functions.pool.pids(f"full{number}")]
        assert len(live) <= 4
        assert 7 in live
    finally:
        functions.close()


def test_a_node_whose_processes_are_all_busy_refuses_a_new_function_and_no_other(recipe: Recipe) -> None:
    functions = Functions(recipe, spares=0, max_workers=2)
    try:
        busy = "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, 2500)); return { body: 1 }; };"
        builds = [functions.build(busy, boundary=f"busy{number}") for number in range(3)]

        async def together() -> list[Answer]:
            calls = []
            for build in builds:
                calls.append(asyncio.create_task(functions.answer(build)))
                await functions.settle(lambda: functions.pool.pids(builds[len(calls[:2]) - 1].boundary))
            return list(await asyncio.gather(*calls))

        assert [answer.status for answer in functions.run(together())] == [200, 200, 429]
    finally:
        functions.close()


def test_spare_processes_come_soon_while_there_is_little_to_do_and_seldom_while_there_is_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, used = time.monotonic(), 0.0
    monkeypatch.setattr(time, "process_time", lambda: used)
    filling = Filling()

    def due(seconds: float, load: float) -> int:
        nonlocal now, used
        count = 0
        for _ in range(round(seconds * 10)):
            now, used = now + 0.1, used + load * 0.1
            count += filling.is_due(now)
        return count

    assert due(4.5, 0.0) == 0
    assert due(10, 0.1) in range(40, 51)
    assert due(30, 0.9) in range(9, 12)


def test_closing_leaves_no_process_and_no_directory(recipe: Recipe) -> None:
    functions = Functions(recipe)
    functions.body(functions.build(TOKEN))
    root = functions.pool._root
    assert root is not None
    pids = functions.pool.pids("b")
    functions.close()
    assert not root.exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_killed_launcher_takes_its_processes_along_and_is_replaced(recipe: Recipe) -> None:
    functions = Functions(recipe)
    try:
        build = functions.build(
            "module.exports = async (ctx) => { if (ctx.wait) await new Promise(() => {}); return { body: 1 }; };"
        )
        functions.body(build)
        pids = functions.pool.pids("b")
        launcher = functions.pool._launching._program
        assert launcher is not None

        async def killed() -> Answer:
            waiting = asyncio.create_task(functions.answer(build, wait=True))
            await asyncio.sleep(0.05)
            os.kill(launcher.pid, signal.SIGKILL)
            return await waiting

        assert functions.run(killed()).status == 500
        functions.run(functions.settle(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)))
        assert functions.body(build) == 1
    finally:
        functions.close()


def test_a_missing_or_old_node_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_BINARY", str(tmp_path / "none"))
    with pytest.raises(NodeMissing, match="does not run"):
        node.find()
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v12.0.0/usr/bin/node\n")
    old.chmod(0o755)
    monkeypatch.setenv("NODE_BINARY", str(old))
    with pytest.raises(NodeMissing, match="older than version 20"):
        node.find()


def test_frames_survive_any_cutting_and_nonsense_is_refused() -> None:
    stream = b"".join(encode(Kind.LOG, number, b"x" * number) for number in range(50))
    for size in (1, 3, 7, 1000):
        decoder = Decoder()
        frames = [frame for at in range(0, len(stream), size) for frame in decoder.feed(stream[at : at + size])]
        assert [(call, len(payload)) for _kind, call, payload in frames] == [(number, number) for number in range(50)]
    for nonsense in (b"\0" * 9, b"\xff" * 9):
        with pytest.raises(BadFrame):
            Decoder().feed(nonsense)


def test_scarce_memory_ends_idle_processes_and_no_busy_one(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Functions(recipe, spares=0)
    source = (
        "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, ctx.ms ?? 0)); return { body: 1 }; };"
    )
    builds = [functions.build(source, boundary=f"scarce{number}") for number in range(2)]

    async def evict() -> Answer:
        for build in builds:
            await functions.answer(build)
        busy = asyncio.create_task(functions.answer(builds[0], ms=2500))
        monkeypatch.setattr("fusebit_platform.runtime.memory.is_scarce", lambda: True)
        await functions.settle(lambda: not functions.pool.pids("scarce1"))
        monkeypatch.undo()
        return await busy

    try:
        assert functions.run(evict()).status == 200
    finally:
        functions.close()


@pytest.mark.parametrize("namespaces", [True, False])
def test_packages_are_seen_read_only_and_are_gone_with_their_process(
    recipe: Recipe, tmp_path: Path, namespaces: bool
) -> None:
    packages = tmp_path / "packages"
    (packages / "left").mkdir(parents=True)
    (packages / "left" / "index.js").write_text("module.exports = 'left';")
    source = """const fs = require('fs');
      const attempt = (work) => { try { return work(); } catch (error) { return error.code; } };
      module.exports = async (ctx) => ({ body: [
        require('left'),
        attempt(() => fs.writeFileSync(__dirname + '/node_modules/left/index.js', '')),
        attempt(() => fs.writeFileSync(__dirname + '/node_modules/more.js', '')),
      ] });"""
    mounts = Path("/proc/self/mountinfo").read_text()
    chosen = replace(recipe, permissions=False)
    functions = Functions(chosen if namespaces else chosen.without_namespaces())
    try:
        seen, *refused = functions.body(functions.build(source, dependencies=packages))
        assert seen == "left"
        assert set(refused) <= {"EROFS", "EACCES"}
        assert Path("/proc/self/mountinfo").read_text() == mounts
        root = functions.pool._root
        assert root is not None
    finally:
        functions.close()
    assert not root.exists()
    assert (packages / "left" / "index.js").read_text() == "module.exports = 'left';"
