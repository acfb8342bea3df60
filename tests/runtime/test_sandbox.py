"""The sandbox: what a function cannot do, and that each layer is what stops it (SB-01 to SB-36)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from fusebit_platform.runtime import probe
from fusebit_platform.runtime.builds import Answer, Build
from fusebit_platform.runtime.probe import Report
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.refusing import Refusing
from tests.runtime.conftest import Functions


def examined(recipe: Recipe) -> Report:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(probe.examine(recipe))


def test_every_layer_holds_and_no_attempt_gets_out(recipe: Recipe) -> None:
    report = examined(recipe)
    assert report.sound, report
    assert report.missing == ()
    assert str(report).startswith("all layers are active: user namespace, ")


def test_without_namespaces_the_other_layers_still_hold_and_the_missing_ones_are_named(
    recipe: Recipe,
) -> None:
    report = examined(recipe.without_namespaces())
    assert report.sound, report
    assert "network namespace" in report.missing


@pytest.mark.parametrize(
    ("layers", "escape"),
    [
        ({"seccomp": False}, "start a process"),
        ({"namespaces": False, "seccomp": False}, "reach a unix socket of the host"),
        ({"namespaces": False, "seccomp": False}, "send a datagram"),
        ({"namespaces": False, "landlock": False}, "read a file of the host"),
        ({"namespaces": False, "landlock": False}, "write outside its temporary directory"),
        ({"namespaces": False, "landlock": False, "seccomp": False}, "reach a TCP port of the host"),
        ({"namespaces": False, "landlock": False, "seccomp": False}, "reach an abstract socket of the host"),
    ],
)
def test_an_attempt_gets_out_when_the_layer_that_stops_it_is_off(
    recipe: Recipe, layers: dict[str, Any], escape: str
) -> None:
    report = examined(replace(recipe, **layers))
    assert escape in report.escapes
    assert not report.sound


def test_a_machine_that_cannot_isolate_refuses_every_call() -> None:
    answers: list[Answer] = []
    build = Build(boundary="b", function="f", version="1", files={})
    Refusing().submit(build, b"{}", answers.append)
    assert (answers[0].status, answers[0].source) == (503, "proxy")


def test_a_recipe_that_cannot_start_is_trouble_and_not_sound(recipe: Recipe) -> None:
    report = examined(replace(recipe, libraries=("/nowhere/lib.so",)))
    assert not report.sound
    assert "no function can be isolated" in str(report)


@pytest.fixture(scope="module")
def bare(recipe: Recipe) -> Any:
    """Functions without Node.js's permission model: only the kernel is in the way."""
    opened = Functions(replace(recipe, permissions=False))
    yield opened
    opened.close()


TRY = """const attempt = async (work) => {
  try { return await work(); } catch (error) { return error.code || error.name; }
};
const fs = require('fs'), os = require('os'), net = require('net'), cp = require('child_process');
const raw = (kind, ...target) => new Promise((resolve, reject) => {
  const all = process.binding(kind + '_wrap'), name = kind === 'tcp' ? 'TCP' : 'Pipe';
  const request = new all[name + 'ConnectWrap'](), handle = new all[name](0);
  const end = (status) => status ? reject({ name: String(status) }) : resolve('connected');
  request.oncomplete = end;
  const status = handle.connect(request, ...target);
  if (status) end(status);
});
const listen = () => {
  const { TCP } = process.binding('tcp_wrap'), server = new TCP(1);
  return server.bind('127.0.0.1', 0) || server.listen(1);
};
module.exports = async (ctx) => ({ body: [await attempt(async () => { WORK })] });"""


@pytest.mark.parametrize(
    ("work", "outcome"),
    [
        ("return fs.readFileSync('/proc/1/environ', 'utf8')", ""),
        ("return fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))", ["1"]),
        ("return fs.readFileSync('/proc/sys/kernel/core_pattern')", "ENOENT"),
        ("fs.writeFileSync('/proc/sys/kernel/core_pattern', 'x')", "ENOENT"),
        ("return fs.readFileSync('/proc/cmdline')", "ENOENT"),
        ("return fs.readFileSync('/etc/passwd')", "ENOENT"),
        ("return fs.readdirSync('/')", "EACCES"),
        ("return fs.readdirSync('/bin')", "EACCES"),
        ("fs.writeFileSync('/app/index.js', '')", "EROFS"),
        ("fs.writeFileSync('/harness.cjs', '')", "EROFS"),
        ("fs.writeFileSync('/bin/node', '')", "EROFS"),
        ("fs.writeFileSync('/x', '')", "EROFS"),
        ("fs.writeFileSync('/tmp/a', 'x'); return fs.readFileSync('/tmp/a', 'utf8')", "x"),
        ("fs.writeFileSync('/tmp/big', Buffer.alloc(3e7))", "ENOSPC"),
        ("for (let i = 0; i < 5000; i++) fs.writeFileSync('/tmp/f' + i, '')", "ENOSPC"),
        ("fs.symlinkSync('/proc/1/root', '/tmp/link'); return 1", "EACCES"),
        ("for (let i = 0; i < 5000; i++) fs.openSync('/tmp/open', 'a')", "EMFILE"),
        ("throw cp.spawnSync('/bin/node', ['-v']).error", "EPERM"),
        ("throw cp.spawnSync('/bin/sh', ['-c', 'id']).error", "EPERM"),
        ("return await raw('tcp', '169.254.169.254', 80)", "-1"),
        ("return await raw('tcp', '127.0.0.1', 22)", "-1"),
        ("return await raw('pipe', '/var/run/docker.sock')", "-1"),
        ("return await new Promise((y, n) => net.connect(80, '169.254.169.254', y).on('error', n))", "EGRESS_DENIED"),
        ("return await new Promise((y, n) => net.createServer().listen(0, y).on('error', n))", "EPERM"),
        ("return listen()", -1),
        ("return (await fetch('http://example.com')).status", "TypeError"),
        ("return process.getuid()", 65534),
        ("process.setuid(0)", "EPERM"),
        ("return os.hostname()", "fn"),
        ("return os.networkInterfaces()", {}),
        ("return os.cpus().length", 1),
        ("os.setPriority(-5)", "ERR_SYSTEM_ERROR"),
        ("process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6')", "ERR_DLOPEN_DISABLED"),
        (
            "process.dlopen({ exports: {} }, '/tmp/x.node', os.constants.dlopen.RTLD_NOW)",
            "ERR_DLOPEN_DISABLED",
        ),
    ],
)
def test_an_attempt_ends_in_an_ordinary_error(bare: Functions, work: str, outcome: object) -> None:
    assert bare.body(TRY.replace("WORK", work)) == [outcome]


def test_killing_everything_in_sight_kills_only_itself(bare: Functions) -> None:
    other = bare.build(
        "const token = Math.random(); module.exports = async (ctx) => ({ body: token });", boundary="victim"
    )
    token = bare.body(other)
    kill = "for (let pid = 1; pid < 70000; pid++) { try { process.kill(pid, 9); } catch {} }"
    source = f"module.exports = async (ctx) => {{ {kill} }};"
    bare.call(source)
    bare.call("module.exports = async (ctx) => { process.kill(-1, 9); };")
    assert bare.body(other) == token


def test_exec_replaces_nothing(bare: Functions) -> None:
    source = "module.exports = async (ctx) => { process.execve('/bin/node', ['node', '-v'], {}); };"
    assert bare.call(source).status in (500, 522)


def test_with_the_permission_model_workers_and_addons_are_refused_by_node_as_well(
    functions: Functions,
) -> None:
    source = TRY.replace("WORK", "new (require('worker_threads').Worker)('1', { eval: true })")
    assert functions.body(source) == ["ERR_ACCESS_DENIED"]
