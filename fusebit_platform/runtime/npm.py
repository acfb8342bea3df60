"""Has npm resolve and fetch the packages of functions: no scripts, nothing but a registry, all within limits."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fusebit_platform.runtime import node
from fusebit_platform.runtime.errors import NodeMissing, NpmFailed
from fusebit_platform.runtime.limits import MIB

FLAGS = (
    "--json",
    "--ignore-scripts",
    "--allow-git=none",
    "--allow-remote=none",
    "--allow-file=none",
    "--allow-directory=none",
    "--omit=dev",
    "--no-bin-links",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=500",
    "--fetch-timeout=20000",
)
PASSED_ON = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "NODE_EXTRA_CA_CERTS")
RESOLVE_SECONDS = 12.0
INSTALL_SECONDS = 120.0
LOOK_SECONDS = 0.2
MAX_BYTES = 400 * MIB
MAX_FILES = 60_000
MAX_PACKAGES = 1500
LOG_CHARACTERS = 20_000
# Sets the limits of what follows and becomes it; the sizes are bytes, the time is seconds of CPU.
LIMITED = (
    "import ctypes, os, resource as r, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"  # not to outlive the platform
    "for name, bound in ((r.RLIMIT_CPU, 120), (r.RLIMIT_FSIZE, 100 << 20), (r.RLIMIT_NOFILE, 4096), (r.RLIMIT_CORE, 0),"
    " (r.RLIMIT_DATA, 4 << 30)):\n"
    "    hard = r.getrlimit(name)[1]\n"
    "    bound = bound if hard == r.RLIM_INFINITY else min(bound, hard)\n"
    "    r.setrlimit(name, (bound, bound))\n"
    "os.umask(0o022); os.nice(5); os.execv(sys.argv[1], sys.argv[1:])\n"
)
# Which packages cannot be used: no entry where one is named, or an entry that does not compile.
VERIFY = """
const fs = require('node:fs'), vm = require('node:vm'), { createRequire, wrap } = require('node:module');
const from = createRequire(process.cwd() + '/index.js');
for (const name of JSON.parse(process.argv[1])) {
  let entry;
  try { entry = from.resolve(name); } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') continue;
    const about = JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`, 'utf8'));
    if (about.exports || about.module || about.bin) continue;
    console.error(`Cannot find module '${name}'`); console.log(name); process.exit(1);
  }
  if (!/\\.c?js$/.test(entry)) continue;
  try { new vm.Script(wrap(fs.readFileSync(entry, 'utf8')), { filename: entry.slice(process.cwd().length + 1) }); }
  catch (error) {
    if (/import|export|await/.test(error.message)) continue;
    console.error(error.stack.split('\\n    at ')[0]); console.log(name); process.exit(1);
  }
}
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command printed and how it ended."""

    code: int
    output: str
    errors: str


def lockfile(ranges: Mapping[str, str], *, cache_directory: Path) -> str:
    """Return npm's lockfile for these dependencies, resolved now; raise NpmFailed."""
    with tempfile.TemporaryDirectory(prefix="resolve-") as name:
        directory = Path(name)
        manifest = {"name": "function", "dependencies": dict(ranges)}
        (directory / "package.json").write_text(json.dumps(manifest))
        _npm(directory, ("install", "--package-lock-only"), cache_directory, RESOLVE_SECONDS)
        text = (directory / "package-lock.json").read_text()
    count = len(json.loads(text)["packages"]) - 1
    if count > MAX_PACKAGES:
        raise NpmFailed("ETOOMANY", f"{count} packages are more than the {MAX_PACKAGES} a function may have.")
    return text


def install(lock: str, directory: Path, *, cache_directory: Path) -> None:
    """Fetch what a lockfile names into `directory`/node_modules and see that it can be used; raise NpmFailed."""
    packages: dict[str, Any] = json.loads(lock)["packages"]
    ranges = packages[""].get("dependencies", {})
    (directory / "package.json").write_text(json.dumps({"name": "function", "dependencies": ranges}))
    (directory / "package-lock.json").write_text(lock)
    _npm(directory, ("ci",), cache_directory, INSTALL_SECONDS)
    _refuse_native(packages, directory)
    _refuse_unusable(list(ranges), directory)


def registry() -> str:
    """Return the address of the registry: NPM_REGISTRY, or what npm itself is configured to use."""
    return os.environ.get("NPM_REGISTRY") or _configured_registry()


@cache
def _node() -> Path:
    return node.find()


@cache
def _configured_registry() -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - npm beside our own Node.js
            [str(_node()), str(_program()), "config", "get", "registry"],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NpmFailed("ENPM", "npm does not tell which registry it uses.") from error
    return answer.stdout.strip().splitlines()[-1]


@cache
def _program() -> Path:
    """Return npm's own entry; it comes with every Node.js."""
    binary = _node()
    for place in (binary.parent.parent / "lib", Path("/usr/share/nodejs"), Path("/usr/share")):
        for entry in (place / "node_modules/npm/bin/npm-cli.js", place / "npm/bin/npm-cli.js"):
            if entry.is_file():
                return entry
    on_path = shutil.which("npm")
    if on_path is None:
        raise NpmFailed("ENPM", "npm was not found beside Node.js, so functions cannot have dependencies.")
    return Path(on_path).resolve()


def _npm(directory: Path, arguments: Sequence[str], cache_directory: Path, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="npm-home-") as home:
        for name in ("user", "global"):
            (Path(home) / name).touch()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "HOME": home,
            "PATH": str(_node().parent),
            "npm_config_userconfig": f"{home}/user",
            "npm_config_globalconfig": f"{home}/global",
            "npm_config_cache": str(cache_directory),
            "npm_config_registry": registry(),
        }
        try:
            command = [str(_node()), str(_program()), *arguments, *FLAGS]
        except NodeMissing as error:
            raise NpmFailed("ENPM", str(error)) from None
        ended = _run(directory, command, environment, seconds)
    if ended.code != 0:
        raise _failure(ended)


def _failure(ended: Ended) -> NpmFailed:
    try:
        error = json.loads(ended.output)["error"]
        code, summary, detail = (str(error.get(name) or "") for name in ("code", "summary", "detail"))
    except (ValueError, KeyError, TypeError, AttributeError):
        code, summary, detail = "ENPM", "", ""
    text = re.sub(r"^npm (error|warn)( A complete log.*)?", "", ended.errors, flags=re.MULTILINE).strip()
    summary = summary or text.splitlines()[0] if text or summary else f"npm ended with {ended.code}."
    return NpmFailed(code, summary, detail=detail, log=ended.errors[:LOG_CHARACTERS])


def _run(directory: Path, command: Sequence[str], environment: Mapping[str, str], seconds: float) -> Ended:
    """Run a command within limits of time, CPU, memory and disk; raise NpmFailed when it passes one."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, Node.js and npm
            [sys.executable, "-I", "-S", "-c", LIMITED, *command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            _watch(process, directory, time.monotonic() + seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read(MIB).decode(errors="replace"))
    return Ended(process.returncode, *texts)


def _watch(process: "subprocess.Popen[bytes]", directory: Path, deadline: float) -> None:
    looked = time.monotonic()
    while True:
        try:
            process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if now > deadline:
                raise NpmFailed("ETIMEDOUT", "npm took too long and was stopped.") from None
            if now - looked > 1:
                _check_size(directory)
                looked = time.monotonic()
        else:
            _check_size(directory)
            return


def _check_size(directory: Path) -> None:
    size = files = 0
    for root, _directories, names in os.walk(directory):
        files += len(names)
        for name in names:
            try:
                size += os.lstat(f"{root}/{name}").st_size
            except FileNotFoundError:
                continue
        if size > MAX_BYTES or files > MAX_FILES:
            raise NpmFailed("ETOOLARGE", "The packages take more room than a function may use.")


def _refuse_unusable(names: Sequence[str], directory: Path) -> None:
    """Raise NpmFailed for a package whose entry is missing or does not compile; nothing of it is run."""
    verified = _run(directory, [str(_node()), "-e", VERIFY, json.dumps(names)], {}, INSTALL_SECONDS)
    if verified.code != 0:
        raise NpmFailed("EUNUSABLE", verified.errors.strip()[:500], module=verified.output.strip(), log=verified.errors)


def _refuse_native(packages: Mapping[str, Any], directory: Path) -> None:
    """Raise NpmFailed for a package that would have to be compiled, unless it is optional."""
    for path, about in packages.items():
        if path and not about.get("optional") and (directory / path / "binding.gyp").is_file():
            name = path.rpartition("node_modules/")[2]
            text = f"{name}@{about.get('version')} has native code, which is not built here."
            raise NpmFailed("ENATIVE", text, module=f"{name}@{about.get('version')}", log=text)
