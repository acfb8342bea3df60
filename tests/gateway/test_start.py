"""At its start the platform says which layers hold, and runs no function where they do not (SB-34)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fusebit_platform.api import extensions
from fusebit_platform.runtime import probe
from tests.gateway import web
from tests.gateway.conftest import Platform, start

HELLO = "module.exports = async (ctx) => ({ body: 'hello' });"


@contextmanager
def started(directory: Path, blocked: str = "", **settings: str) -> Iterator[tuple[Platform, Path]]:
    """Run a platform where the named system calls are blocked; yield it and the file of what it says."""
    said = directory / "said"
    # Without namespaces a worker has to pass through the directories above its own.
    with tempfile.TemporaryDirectory(prefix="start-") as temporary:
        Path(temporary).chmod(0o711)
        with said.open("w") as stream:
            platform = start(directory, blocked=blocked, stderr=stream, TMPDIR=temporary, **settings)
        try:
            yield platform, said
        finally:
            assert platform.stop() == 0


def test_every_layer_is_named_as_active(tmp_path: Path) -> None:
    with started(tmp_path) as (_, said):
        line = said.read_text()
    assert line.startswith("Sandbox: all layers are active: ")
    for layer in (
        "user namespace",
        "network namespace",
        "landlock",
        "system call filter",
        "memory limit",
        "egress proxy",
    ):
        assert layer in line


def test_where_namespaces_are_blocked_the_other_layers_stand_alone_and_the_missing_ones_are_named(
    tmp_path: Path,
) -> None:
    with started(tmp_path, "unshare") as (platform, said):
        line = said.read_text()
        assert "missing: user namespace, mount namespace" in line
        assert "active: " in line
        assert web.get(platform.put("b/hello", HELLO)).json() == "hello"
        attempts = """const fs = require('fs');
          module.exports = async (ctx) => {
            const tried = [];
            for (const path of ['/etc/passwd', '/proc/1/environ', '/proc/self/root/etc/passwd']) {
              try { tried.push(fs.readFileSync(path).length); } catch (error) { tried.push(error.code); }
            }
            try { await fetch('http://127.0.0.1/'); } catch (error) { tried.push(error.cause.code); }
            return { body: tried };
          };"""
        assert platform.call("b/attempts", attempts)[-1] == "EGRESS_DENIED"
        assert all(isinstance(said, str) for said in platform.call("b/attempts", attempts))


def test_without_what_is_required_functions_are_refused_in_one_clear_sentence(tmp_path: Path) -> None:
    with started(tmp_path, "unshare,landlock") as (platform, said):
        line = said.read_text()
        assert "a function could read a file of the host" in line
        assert "Functions are refused; --allow-weak-sandbox runs them all the same." in line
        answer = web.get(platform.put("b/hello", HELLO))
        assert (answer.status_code, answer.json()["message"]) == (503, "Runtime isolation is unavailable.")
        assert web.get(f"http://127.0.0.1:{platform.port}/v1/health").status_code == 200


def test_a_weak_sandbox_that_was_asked_for_is_loud(tmp_path: Path) -> None:
    with started(tmp_path, "unshare,landlock", ALLOW_WEAK_SANDBOX="1") as (platform, said):
        assert "Sandbox: WEAK, allowed by --allow-weak-sandbox; " in said.read_text()
        assert web.get(platform.put("b/hello", HELLO)).json() == "hello"


@pytest.mark.parametrize(("held", "weak"), [(True, False), (False, True)])
def test_the_extensions_name_each_layer(monkeypatch: pytest.MonkeyPatch, held: bool, weak: bool) -> None:
    layers = {**dict.fromkeys(probe.REQUIRED, held), "landlock": False}
    monkeypatch.setattr(probe, "_latest", [probe.Report(layers, ())])
    told = extensions._sandbox()
    assert told["layers"]["landlock"] == "missing"
    assert told["layers"]["not root"] == ("active" if held else "missing")
    assert (told["proven"], told["weak"]) == (True, weak)
