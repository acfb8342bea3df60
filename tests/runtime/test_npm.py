"""npm runs within limits, and what it fetched is looked at before anybody uses it."""

import os
import sys

import pytest

from fusebit_platform.runtime import builds, npm
from fusebit_platform.runtime.errors import NpmFailed


def run(directory, code, seconds=30.0):
    return npm._run(directory, [sys.executable, "-c", code], {"A": "b"}, seconds)


def test_a_command_has_no_environment_but_the_given_one_and_its_output_is_read(tmp_path):
    ended = run(tmp_path, "import os, sys; print(sorted(os.environ)); print('e', file=sys.stderr); sys.exit(3)")
    assert (ended.code, ended.errors) == (3, "e\n")
    assert "'A'" in ended.output
    assert "HOME" not in ended.output


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path):
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(NpmFailed, match="took too long"):
        run(tmp_path, code, seconds=3)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 1000), ("MAX_FILES", 3)])
def test_a_command_that_writes_too_much_is_ended(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(npm, limit, value)
    with pytest.raises(NpmFailed, match="more room"):
        run(tmp_path, "for n in range(10): open(f'{n}', 'w').write('x' * 200)")


def test_a_file_is_bounded_by_the_kernel(tmp_path):
    code = "f = open('x', 'wb'); f.truncate(101 << 20)"
    ended = run(tmp_path, f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {code}")
    assert ended.code != 0
    assert "File too large" in ended.errors


def test_native_code_is_refused_unless_it_is_optional(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "binding.gyp").touch()
    npm._refuse_native({"": {}, "node_modules/a": {"version": "1.0.0", "optional": True}}, tmp_path)
    with pytest.raises(NpmFailed, match=r"b@1\.0\.0 has native code"):
        npm._refuse_native({"": {}, "node_modules/b": {"version": "1.0.0"}}, tmp_path)


PACKAGES = {
    "good": {"index.js": "module.exports = 1;"},
    "broken": {"index.js": "module.exports = {"},
    "hollow": {"package.json": '{"main": ""}'},
    "modern": {"package.json": '{"exports": {"import": "./m.mjs"}, "type": "module"}', "m.mjs": "export default 1;"},
    "mixed": {"package.json": '{"main": "m.js", "type": "module"}', "m.js": "export default 1;"},
    "tool": {"package.json": '{"bin": {"tool": "t.js"}}'},
}


@pytest.mark.parametrize(("name", "complaint"), [("broken", "SyntaxError"), ("hollow", "Cannot find module 'hollow'")])
def test_a_package_without_a_usable_entry_is_refused_and_the_others_are_not(tmp_path, name, complaint):
    for package, files in PACKAGES.items():
        for file, text in {"package.json": "{}", **files}.items():
            target = tmp_path / "node_modules" / package / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    npm._refuse_unusable(["good", "modern", "mixed", "tool"], tmp_path)
    with pytest.raises(NpmFailed, match=complaint) as refused:
        npm._refuse_unusable(["good", name], tmp_path)
    assert refused.value.module == name


def test_the_registry_is_what_npm_is_configured_to_use_unless_it_is_set(monkeypatch):
    monkeypatch.delenv("NPM_REGISTRY", raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    npm._configured_registry.cache_clear()
    assert npm.registry() == "http://127.0.0.1:1/"
    npm._configured_registry.cache_clear()
    monkeypatch.setenv("NPM_REGISTRY", "http://127.0.0.1:2/")
    assert npm.registry() == "http://127.0.0.1:2/"


@pytest.mark.parametrize("share", [True, False])
def test_packages_are_readable_for_functions_under_any_umask(tmp_path, share):
    tree = tmp_path / "node_modules" / "a"
    tree.mkdir(parents=True, mode=0o755)
    (tree / "index.js").write_text("1")
    for path in (tree.parent, tree):
        path.chmod(0o755)
    (tree / "index.js").chmod(0o644)
    (tmp_path / "app").mkdir()
    before = os.umask(0o077)
    try:
        builds.place_packages(tree.parent, tmp_path / "app" / "node_modules", share=share)
    finally:
        os.umask(before)
    placed = tmp_path / "app" / "node_modules" / "a"
    assert (placed.stat().st_mode & 0o777, (placed / "index.js").stat().st_mode & 0o777) == (0o755, 0o644)
    assert (placed / "index.js").samefile(tree / "index.js") == share
