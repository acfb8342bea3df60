"""The handler contract and its errors (contract 6.5), in a real process."""

import asyncio
import json
from typing import Any

import pytest

from fusebit_platform.runtime.builds import Answer
from tests.runtime.conftest import Functions

ONE_PARAMETER = "The function must take one parameter: async (ctx)."
TWO_PARAMETERS = "The function must take two parameters: (ctx, cb)."
NO_FUNCTION = "The module export must be a function."


def error_of(answer: Answer) -> dict[str, Any]:
    error = json.loads(answer.body)
    assert error["status"] == error["statusCode"] == answer.status
    return error


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = async (ctx) => ({ body: 'here' });",
        "module.exports = (ctx, cb) => cb(null, { body: 'here' });",
        "module.exports = (ctx, cb) => { setTimeout(() => cb(null, { body: 'here' }), 5); };",
        "module.exports = function (ctx, cb) { cb(null, { body: 'here' }); cb(null, { body: 'again' }); };",
        "module.exports = (ctx, cb) => { cb(null, { body: 'here' }); throw new Error('too late'); };",
        "module.exports = (ctx, cb) => { cb(null, { body: 'here' }); return Promise.resolve({ body: 'ignored' }); };",
    ],
)
def test_both_kinds_of_handlers_answer_once(functions: Functions, source: str) -> None:
    assert functions.body(source) == "here"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("module.exports = 5;", NO_FUNCTION),
        ("", NO_FUNCTION),
        ("module.exports = async () => {};", ONE_PARAMETER),
        ("module.exports = async (ctx, cb) => {};", ONE_PARAMETER),
        ("module.exports = (ctx) => {};", TWO_PARAMETERS),
        ("module.exports = () => {};", TWO_PARAMETERS),
    ],
)
def test_a_bad_signature_is_named_on_every_call(functions: Functions, source: str, message: str) -> None:
    build = functions.build(source)
    for _ in range(2):
        answer = functions.call(build)
        assert (answer.status, answer.source) == (500, "provider")
        error = error_of(answer)
        assert error["message"] == error["properties"]["errorMessage"] == message


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = async (ctx) => { throw new TypeError('Some text'); };",
        "module.exports = (ctx, cb) => { throw new TypeError('Some text'); };",
        "module.exports = (ctx, cb) => cb(new TypeError('Some text'));",
        "module.exports = async (ctx) => { const e = new TypeError('Some text'); e.status = 404; throw e; };",
    ],
)
def test_an_error_of_the_function_is_500_with_its_stack(functions: Functions, source: str) -> None:
    answer = functions.call(source)
    assert (answer.status, answer.source, answer.cause) == (500, "function", "code_error")
    error = error_of(answer)
    assert error["code"] == 500
    assert error["message"] == error["properties"]["errorMessage"] == "Some text"
    assert error["properties"]["errorType"] == "TypeError"
    assert any("index.js:1:" in line for line in error["properties"]["stackTrace"])
    assert not any("harness" in line for line in error["properties"]["stackTrace"])


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("throw new RangeError('at load');", "RangeError", "at load"),
        ("let x = ;", "SyntaxError", "Unexpected token"),
        ("require('no-such-module');", "Error", "Cannot find module"),
        ("module.exports = async (ctx) => { throw 'text'; };", "Error", "text"),
        ("module.exports = (ctx, cb) => cb('text');", "Error", "text"),
        (
            "module.exports = (ctx, cb) => { setTimeout(() => { throw new Error('late'); }, 5); };",
            "Error",
            "late",
        ),
        ("module.exports = (ctx, cb) => { Promise.reject(new Error('lost')); };", "Error", "lost"),
    ],
)
def test_other_failures_are_errors_of_the_provider(functions: Functions, source: str, kind: str, message: str) -> None:
    answer = functions.call(source)
    assert (answer.status, answer.source) == (500, "provider")
    error = error_of(answer)
    assert kind in error["properties"]["errorType"]
    assert message in error["message"]
    assert isinstance(error["properties"]["trace"], list)


def test_an_escaped_error_ends_its_own_call_and_lets_the_others_finish(functions: Functions) -> None:
    source = """module.exports = (ctx, cb) => {
        if (ctx.bad) setTimeout(() => { throw new Error('escaped'); }, 20);
        else setTimeout(() => cb(null, { body: process.hrtime.bigint().toString() && 'fine' }), 150);
    };"""
    build = functions.build(source)

    async def both() -> list[Answer]:
        import asyncio

        return list(await asyncio.gather(functions.answer(build), functions.answer(build, bad=True)))

    good, bad = functions.run(both())
    assert (good.status, json.loads(good.body)) == (200, "fine")
    assert (bad.status, error_of(bad)["message"]) == (500, "escaped")
    assert functions.body(build) == "fine"


def test_a_module_is_loaded_once_and_keeps_its_state(functions: Functions) -> None:
    build = functions.build("let n = 0; module.exports = async (ctx) => ({ body: ++n });")
    assert [functions.body(build) for _ in range(3)] == [1, 2, 3]


def test_files_of_a_function_can_require_each_other_and_json(functions: Functions) -> None:
    files = {
        "index.js": "const { add } = require('./lib/add'); const three = require('./three.json');"
        "const one = require('fs').readFileSync(__dirname + '/one.txt', 'utf8');"
        "module.exports = async (ctx) => ({ body: add(three.value, one) });",
        "lib/add.js": "exports.add = (a, b) => a + Number(b);",
        "three.json": '{"value": 3}',
        "one.txt": b"1",
    }
    assert functions.body(functions.build("", files=files)) == 4


@pytest.mark.parametrize("name", ["../x.js", "/etc/x.js", "a/../../x.js", "a\0b", "x" * 300, "index.js/x"])
def test_a_file_outside_the_functions_directory_is_refused(functions: Functions, name: str) -> None:
    answer = functions.call(functions.build("", files={"index.js": "", name: ""}))
    assert (answer.status, answer.cause) == (500, "platform")


def test_configuration_is_in_ctx_and_in_the_environment(functions: Functions) -> None:
    configuration = {
        "KEY": "value",
        "NODE_OPTIONS": "--inspect",
        "PATH": "/evil",
        "__proto__": "x",
        "LD_PRELOAD": "x",
    }
    source = "module.exports = async (ctx) => ({ body: { ctx: ctx.configuration.KEY, env: process.env } });"
    seen = functions.body(functions.build(source, configuration=configuration))
    assert seen == {"ctx": "value", "env": {"KEY": "value"}}


def test_ctx_is_fresh_for_every_call(functions: Functions) -> None:
    source = """module.exports = async (ctx) => {
        const before = JSON.stringify([ctx.configuration, ctx.fusebit, ctx.boundaryId]);
        ctx.configuration.A = ctx.fusebit.endpoint = ctx.boundaryId = 'changed';
        return { body: before };
    };"""
    build = functions.build(
        source, configuration={"A": "1"}, context={"boundaryId": "b", "fusebit": {"endpoint": "http://x"}}
    )
    assert functions.body(build) == functions.body(build) == '[{"A":"1"},{"endpoint":"http://x"},"b"]'


@pytest.mark.parametrize(
    "sabotage",
    [
        "JSON.stringify = () => 'forged'; JSON.parse = () => ({});",
        "Object.prototype.toJSON = () => 'forged';",
        "Promise.prototype.then = () => {};",
        "Buffer.from = Buffer.concat = Buffer.allocUnsafe = () => null;",
        "Array.prototype.push = () => 0; Map.prototype.set = () => {};",
        "Object.defineProperty(Object.prototype, 'status', { value: 999, writable: true });",
        "process.nextTick = () => {}; Error.prepareStackTrace = () => { throw 1; };",
    ],
)
def test_a_function_that_changes_the_language_harms_only_itself(functions: Functions, sabotage: str) -> None:
    build = functions.build(f"{sabotage} module.exports = async (ctx) => ({{ body: 1 }});", timeout_s=1)
    answer = functions.call(build)
    assert 200 <= answer.status <= 1000
    assert functions.body("module.exports = async (ctx) => ({ body: 'well' });") == "well"


def test_console_output_is_logged_with_its_call_in_order(functions: Functions) -> None:
    build = functions.build(
        "module.exports = async (ctx) => {"
        "console.log('a %d', 1, { b: 2 }); console.error('bad'); throw new Error('end'); };"
    )
    assert functions.call(build).status == 500
    entries = [(entry["level"], entry["msg"].split("\n")[0]) for _, entry in functions.printed_by(build)]
    assert entries == [(30, "a 1 { b: 2 }"), (50, "bad"), (50, "Error: end")]
    assert {call for call, _ in functions.printed_by(build)} == {1}


def test_concurrent_calls_keep_their_logs_apart(functions: Functions) -> None:
    source = """module.exports = async (ctx) => {
        for (let i = 0; i < 3; i++) { await new Promise((r) => setTimeout(r, 5)); console.log(ctx.name); }
    };"""
    build = functions.build(source)

    async def several() -> None:
        import asyncio

        await asyncio.gather(*(functions.answer(build, name=f"call {n}") for n in range(1, 6)))

    functions.run(several())
    printed = {(call, entry["msg"]) for call, entry in functions.printed_by(build)}
    assert printed == {(n, f"call {n}") for n in range(1, 6)}


def test_a_call_that_floods_the_log_is_cut_off(functions: Functions) -> None:
    source = (
        "module.exports = async (ctx) => { for (let i = 0; i < 1e4; i++) console.log('x'.repeat(1e5)); return {}; };"
    )
    build = functions.build(source)
    assert functions.call(build).status in (200, 500)
    assert sum(len(entry["msg"]) for _, entry in functions.printed_by(build)) < 400_000


def test_answers_larger_than_the_channel_arrive_whole_beside_small_ones(functions: Functions) -> None:
    source = (
        "module.exports = async (ctx) => { console.log(String(ctx.n));"
        " return { body: String(ctx.n % 10).repeat(ctx.n % 2 ? 3e6 : 3) }; };"
    )
    build = functions.build(source)

    async def together() -> list[Answer]:
        return await asyncio.gather(*(functions.answer(build, n=number) for number in range(20)))

    bodies = [json.loads(answer.body) for answer in functions.run(together())]
    assert bodies == [str(number % 10) * (3_000_000 if number % 2 else 3) for number in range(20)]
    assert sorted(int(entry["msg"]) for _call, entry in functions.printed_by(build)) == [*range(20)]
