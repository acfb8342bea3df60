"""Functions that lie, end themselves or talk nonsense harm their own call alone (SB-16 to SB-22, SB-30 to SB-40)."""

import asyncio
import json
import os
import random
import time
from typing import Any

import pytest

from fusebit_platform.runtime.builds import Answer
from tests.escape.conftest import LATE_S, Pools
from tests.runtime.conftest import Functions

NONE: frozenset[str] = frozenset()
PROGRAMS = int(os.environ.get("PROGRAMS", "150"))


@pytest.fixture(scope="module")
def functions(pools: Pools) -> Functions:
    return pools(NONE)


def hostile(functions: Functions, work: str, **ctx: Any) -> tuple[Answer, Functions]:
    source = f"module.exports = async (ctx) => {{ if (ctx.good) return {{ body: 'good' }}; {work} }};"
    build = functions.build(source, timeout_s=1.5)
    began = time.monotonic()
    answer = functions.call(build, **ctx)
    assert time.monotonic() - began < build.timeout_s + LATE_S
    assert functions.body(build, good=True) == "good"  # the next call is served
    return answer, functions


@pytest.mark.parametrize(
    "work",
    [
        "process.exit(0);",
        "process.abort();",
        "process.kill(process.pid, 'SIGSTOP'); await new Promise(() => {});",
        "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {});",
        "setTimeout(() => { throw new Error('late'); }); await new Promise(() => {});",
        "Promise.reject(new Error('unhandled')); await new Promise(() => {});",
        "require('fs').closeSync(3); await new Promise(() => {});",
        "process.reallyExit(1);",
        "throw null;",
        "throw { get message() { throw 1; } };",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1; } }); throw e;",
        "Error.prepareStackTrace = () => { throw 1; }; throw new Error('x');",
    ],
)
def test_sb_16_a_process_that_ends_itself_ends_its_call(functions: Functions, work: str) -> None:
    assert hostile(functions, work)[0].status in (500, 522)


@pytest.mark.parametrize(
    ("work", "status"),
    [
        ("await new Promise(() => {});", 522),
        ("setTimeout(() => { throw new Error('after'); }, 0); return { body: 'answered' };", 200),
        ("for (let n = 0; n < 3; n++) setImmediate(() => Promise.reject(n)); return { body: 'answered' };", 200),
    ],
)
def test_sb_17_the_first_answer_counts(functions: Functions, work: str, status: int) -> None:
    assert hostile(functions, work)[0].status == status


def test_sb_17_answering_twice_answers_once(functions: Functions) -> None:
    source = "module.exports = (ctx, cb) => { cb(null, { body: 1 }); cb(null, { body: 2 }); cb(new Error('3')); };"
    assert functions.body(source) == 1


FORGED = """const fs = require('fs');
  const frame = (kind, call, payload) => {
    const head = Buffer.alloc(9);
    head.writeUInt32LE(5 + payload.length); head[4] = kind; head.writeUInt32LE(call, 5);
    return Buffer.concat([head, payload]);
  };
  const answer = (call, body) => {
    const head = Buffer.alloc(7);
    head.writeUInt16LE(200); head.writeUInt32LE(2, 3);
    return frame(17, call, Buffer.concat([head, Buffer.from('[]' + body)]));
  };"""


@pytest.mark.parametrize(
    "written",
    [
        "for (let call = 0; call < 5000; call++) fs.writeSync(3, answer(call, 'forged'));",
        "fs.writeSync(3, frame(200, 1, Buffer.alloc(10)));",
        "fs.writeSync(3, frame(17, 1, Buffer.alloc(3)));",
        "fs.writeSync(3, Buffer.from([255, 255, 255, 127, 17, 0, 0, 0, 0]));",
        "fs.writeSync(3, frame(18, 1, Buffer.from('not json')));",
        "for (let n = 0; n < 2000; n++) fs.writeSync(3, frame(16, 0, Buffer.alloc(0)));",
        "fs.writeSync(1, 'x'.repeat(1e5)); fs.writeSync(2, answer(1, 'forged'));",
    ],
)
def test_sb_19_sb_31_forged_frames_reach_no_other_call(functions: Functions, written: str) -> None:
    token = functions.build("const token = Math.random(); module.exports = async (ctx) => ({ body: token });")
    before = functions.body(token)
    hostile(functions, f"{FORGED} {written} await new Promise((r) => setTimeout(r, 50)); return {{ body: 'own' }};")
    assert functions.body(token) == before


@pytest.mark.parametrize(
    "work",
    [
        "JSON.stringify = JSON.parse = () => { throw 1; };",
        "Buffer.from = Buffer.alloc = Buffer.concat = () => { throw 1; };",
        "Object.prototype.toJSON = () => 'polluted';",
        "Promise.prototype.then = function () { return this; };",
        "Array.prototype.push = Array.prototype.join = () => { throw 1; };",
        "Object.prototype.status = 500; Object.prototype.headers = { 'x-a': '1' };",
        "process.send = process.nextTick = () => {};",
        "Function.prototype.apply = Function.prototype.call = () => { throw 1; };",
        "Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => { throw 1; };",
        "String.prototype.split = RegExp.prototype.exec = () => { throw 1; };",
        "globalThis.Error = globalThis.Promise = globalThis.Buffer = undefined;",
        "require('net').Socket.prototype.write = require('stream').Writable.prototype.write = () => true;",
    ],
)
def test_sb_20_changed_builtins_break_their_own_function_alone(functions: Functions, work: str) -> None:
    source = f"{work} module.exports = async (ctx) => ({{ body: 'own' }});"
    build = functions.build(source, timeout_s=1)
    assert functions.call(build).status in (200, 500, 522)
    assert functions.body("module.exports = async (ctx) => ({ body: 'fine' });") == "fine"


@pytest.mark.parametrize("body", ['{"__proto__":{"status":500}}', '{"constructor":{"prototype":{"x":1}}}'])
def test_sb_21_keys_are_data(functions: Functions, body: str) -> None:
    source = "module.exports = async (ctx) => ({ body: [({}).status === undefined, ({}).x === undefined, ctx.body] });"
    clean, plain, seen = functions.body(source, body=json.loads(body))
    assert clean
    assert plain
    assert seen == json.loads(body)


@pytest.mark.parametrize(
    "result",
    [
        "{ body: 1n }", "{ get body() { throw new Error('getter'); } }", "new Proxy({}, { get() { throw 1; } })",
        "{ body: (() => { const a = {}; a.a = a; return a; })() }",
        "{ body: (() => { let a = []; for (let n = 0; n < 1e5; n++) a = [a]; return a; })() }",
        "{ body: Object.fromEntries(Array.from({ length: 1e6 }, (_, n) => ['k' + n, n])) }",
        "{ body: 'x'.repeat(7 << 20) }", "{ headers: { get a() { throw 1; } } }",
        "{ status: { valueOf() { throw 1; } } }",
    ],
)  # fmt: skip
def test_sb_22_a_result_that_cannot_be_written_down_is_an_error(functions: Functions, result: str) -> None:
    assert hostile(functions, f"return {result};")[0].status in (500, 522)


def test_sb_30_what_a_call_leaves_is_seen_by_its_own_version_alone(functions: Functions) -> None:
    source = "globalThis.n ??= 0; module.exports = async (ctx) => ({ body: [++globalThis.n] });"
    one = functions.build(source, function="counted", version="1")
    two = functions.build(source, function="counted", version="2")
    other = functions.build(source, boundary="other", function="counted", version="1")
    assert [functions.body(one), functions.body(one)] == [[1], [2]]
    assert functions.body(other) == [1]
    assert functions.body(two) == [1]


def test_sb_40_boundaries_never_share_a_process_or_a_file(functions: Functions) -> None:
    source = """const fs = require('fs');
      module.exports = async (ctx) => {
        const before = fs.readdirSync('/tmp');
        fs.writeFileSync('/tmp/' + ctx.name, '');
        return { body: [before.every((name) => name === ctx.name)] };
      };"""
    builds = {name: functions.build(source, boundary=name) for name in ("left", "right")}

    async def many() -> list[Answer]:
        calls = [functions.answer(build, name=name) for _ in range(250) for name, build in builds.items()]
        return list(await asyncio.gather(*calls))

    assert {answer.body for answer in functions.run(many())} == {b"[true]"}
    assert not functions.pool.pids("left") & functions.pool.pids("right")


WORDS = [
    "function",
    "return",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "=>",
    ",",
    ";",
    ".",
    "...",
    "`",
    "${",
    "/",
    "*",
    "/*",
    "*/",
    "//",
    "'x'",
    '"x"',
    "0",
    "1e9",
    "0x1n",
    "await",
    "async",
    "yield",
    "class",
    "extends",
    "super",
    "new",
    "this",
    "null",
    "undefined",
    "NaN",
    "eval",
    "Function",
    "Proxy",
    "Reflect",
    "Symbol.iterator",
    "while",
    "for",
    "in",
    "of",
    "if",
    "else",
    "try",
    "catch",
    "finally",
    "throw",
    "delete",
    "typeof",
    "void",
    "instanceof",
    "import",
    "export",
    "with",
    "debugger",
    "let",
    "const",
    "var",
    "arguments",
    "__proto__",
    "constructor",
    "prototype",
    "require",
    "process",
    "module",
    "exports",
    "globalThis",
    "Buffer",
    "/(a+)+$/",
    '"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!".match',
    "label:",
    "break",
    "continue",
]


def test_sb_35_nonsense_is_answered_in_time(functions: Functions) -> None:
    chosen = random.Random(35)  # noqa: S311 (no secret)
    programs = [" ".join(chosen.choices(WORDS, k=chosen.randint(1, 40))) for _ in range(PROGRAMS // 2)] + [
        f"module.exports = async (ctx) => {{ {' '.join(chosen.choices(WORDS, k=chosen.randint(1, 15)))} }};"
        for _ in range(PROGRAMS // 2)
    ]

    async def all_of_them() -> list[int]:
        statuses = []
        for start in range(0, len(programs), 6):
            builds = [functions.build(source, timeout_s=1) for source in programs[start : start + 6]]
            answers = await asyncio.gather(*(functions.answer(build) for build in builds))
            statuses += [answer.status for answer in answers]
            await asyncio.gather(*(functions.pool.forget(build) for build in builds))
        return statuses

    assert set(functions.run(all_of_them())) <= {200, 500, 522}
    assert functions.body("module.exports = async (ctx) => ({ body: 'fine' });") == "fine"


@pytest.mark.parametrize(
    "text", ["a\nb", "\x1b[31mred", '{"level":50,"msg":"forged"}', "%s%d%o", "x" * 50_000, "\u202e\0"]
)
def test_lg_01_what_is_logged_is_one_entry_of_json(functions: Functions, text: str) -> None:
    build = functions.build("module.exports = async (ctx) => { console.log(ctx.text); return { body: 1 }; };")
    functions.body(build, text=text)
    functions.run(functions.settle(lambda: functions.printed_by(build)))
    ((_, entry),) = functions.printed_by(build)
    assert entry["msg"] == text[:10_000]
    assert entry["level"] == 30
