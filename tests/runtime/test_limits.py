"""Limits of time, CPU, memory and threads: who runs into one meets it, and nobody beside them (SB-10 to SB-12)."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fusebit_platform.runtime.builds import Answer
from fusebit_platform.runtime.recipe import Recipe
from tests.runtime.conftest import TOKEN, Functions


def message_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["message"])


@pytest.mark.parametrize("body", ["for (;;);", "await new Promise(() => {});"])
def test_a_call_past_its_time_is_522_and_the_next_one_gets_a_new_process(functions: Functions, body: str) -> None:
    hang = f"if (ctx.hang) {{ {body} }}"
    source = f"const token = Math.random(); module.exports = async (ctx) => {{ {hang} return {{ body: token }}; }};"
    build = functions.build(source, timeout_s=1)
    first = functions.body(build)
    began = time.monotonic()
    answer = functions.call(build, hang=True)
    assert (answer.status, answer.source, answer.cause) == (522, "provider", "timeout")
    assert "Task timed out after 1.00 seconds" in message_of(answer)
    assert 0.9 < time.monotonic() - began < 1.4
    assert functions.body(build) != first


def test_a_late_call_does_not_end_the_calls_beside_it(functions: Functions) -> None:
    source = "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, ctx.ms)); return { body: 1 }; };"
    build = functions.build(source, timeout_s=0.6)

    async def staggered() -> list[Answer]:
        late = asyncio.create_task(functions.answer(build, ms=5000))
        await asyncio.sleep(0.3)
        fine = asyncio.create_task(functions.answer(build, ms=500))
        return [await late, await fine]

    late, fine = functions.run(staggered())
    assert (late.status, fine.status) == (522, 200)


def test_a_call_beside_one_that_spins_gets_another_process(functions: Functions) -> None:
    source = "module.exports = async (ctx) => { if (ctx.spin) for (;;); return { body: 1 }; };"
    build = functions.build(source, timeout_s=3)

    async def beside() -> float:
        spinning = asyncio.create_task(functions.answer(build, spin=True))
        await asyncio.sleep(0.8)
        began = time.monotonic()
        assert (await functions.answer(build)).status == 200
        waited = time.monotonic() - began
        assert (await spinning).status == 522
        return waited

    assert functions.run(beside()) < 1


@pytest.mark.parametrize(
    "bomb",
    [
        "const a = []; for (;;) a.push(new Array(1e5).fill(1.5));",
        "const a = []; for (;;) a.push(Buffer.alloc(1e7, 1));",
        "const a = []; for (;;) { const b = new SharedArrayBuffer(1e7); new Uint8Array(b).fill(1); a.push(b); }",
        "const a = []; for (;;) a.push(Buffer.from(new WebAssembly.Memory({ initial: 99 }).buffer).fill(1));",
        "let s = 'x'; for (;;) s += s + Buffer.from(s).toString('hex');",
    ],
)
def test_a_memory_bomb_ends_in_an_error_within_the_limit(functions: Functions, bomb: str) -> None:
    build = functions.build(f"module.exports = async (ctx) => {{ {bomb} }};")
    assert functions.call(build).status in (500, 522)
    assert functions.body(TOKEN)


def test_running_out_of_memory_is_said_so(functions: Functions) -> None:
    answer = functions.call(
        "module.exports = async (ctx) => { const a = []; for (;;) a.push(new Array(1e5).fill(1.5)); };"
    )
    assert (answer.source, answer.cause) == ("provider", "memory")
    assert "out of memory" in message_of(answer)


@pytest.mark.parametrize("memory", [64, 256])
def test_a_function_may_use_what_it_was_given(functions: Functions, memory: int) -> None:
    source = "module.exports = async (ctx) => { const b = Buffer.alloc(ctx.mb << 20, 1); return { body: b.length }; };"
    build = functions.build(source, memory_mb=memory)
    assert functions.body(build, mb=memory // 2) == (memory // 2) << 20
    assert functions.call(build, mb=memory * 2).status == 500


def test_a_call_past_its_cpu_is_522_with_its_own_cause(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fusebit_platform.runtime.builds.Build.cpu_s", 0.4)
    monkeypatch.setattr("fusebit_platform.runtime.watch.DEMOTED_AFTER", 60)  # or a busy machine gives it no CPU at all
    build = functions.build("module.exports = async (ctx) => { for (;;); };", timeout_s=15)
    answer = functions.call(build)
    assert (answer.status, answer.source, answer.cause) == (522, "provider", "cpu")
    assert "timed out after 0.40 seconds of CPU" in message_of(answer)
    assert answer.cpu_ms is not None
    assert answer.cpu_ms >= 400


def test_a_process_that_computes_for_long_steps_back_and_comes_forward_again(functions: Functions) -> None:
    source = """module.exports = async (ctx) => {
      const used = () => process.cpuUsage().user + process.cpuUsage().system;
      const until = used() + (ctx.ms ?? 0) * 1000;
      while (used() < until);
      return { body: 1 };
    };"""
    build = functions.build(source, boundary="bomb", timeout_s=120)

    async def ranked() -> None:
        await functions.answer(build)
        (pid,) = functions.pool.pids("bomb")
        rank = Path(f"/proc/{pid}/autogroup")
        busy = asyncio.create_task(functions.answer(build, ms=350))
        await functions.settle(lambda: rank.read_text().endswith(" nice 15\n"))
        await busy
        await functions.settle(lambda: rank.read_text().endswith(" nice 0\n"))

    functions.run(ranked())


def test_a_process_that_computes_although_nobody_asked_is_ended(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusebit_platform.runtime.worker.IDLE_SECONDS", 0.3)
    monkeypatch.setattr("fusebit_platform.runtime.watch.DEMOTED_AFTER", 60)
    functions.logged.clear()
    functions.body(
        functions.build(
            "module.exports = async (ctx) => { setTimeout(() => { for (;;); }, 50); return { body: 1 }; };",
            boundary="restless",
        )
    )
    functions.run(functions.settle(lambda: not functions.pool.pids("restless")))
    assert any("kept computing" in entry["msg"] for _, entry in functions.logged)


def test_a_thread_bomb_meets_a_limit(recipe: Recipe) -> None:
    functions = Functions(replace(recipe, permissions=False), spares=0)
    try:
        source = """const { Worker } = require('worker_threads');
          module.exports = async (ctx) => {
            let started = 0;
            for (let n = 0; n < 100; n++) {
              const ended = await new Promise((resolve) => {
                const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
                worker.on('online', () => resolve(false)).on('error', () => resolve(true));
              }).catch(() => true);
              if (ended) break;
              started++;
            }
            return { body: started };
          };"""
        answer = functions.call(functions.build(source, memory_mb=1024, timeout_s=15))
        assert answer.status == 500 or int(answer.body) < 32
    finally:
        functions.close()
