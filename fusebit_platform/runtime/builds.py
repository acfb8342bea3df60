"""What the runtime is handed: one version of one function, and what a call of it answered."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fusebit_platform.runtime.errors import BadBuild

MAX_DEPTH = 16
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 1024
PACKAGES = "node_modules"
CPU_SECONDS = 10.0  # that every call may use; those with much time may use a third of it


@dataclass(frozen=True, kw_only=True)
class Build:
    """One immutable version of a function; the same `key` means the same code and configuration."""

    boundary: str  # unique in the deployment: processes are never shared between two of them
    function: str
    version: str
    files: Mapping[str, str | bytes] = field(repr=False)
    configuration: Mapping[str, str] = field(default_factory=dict, repr=False)
    context: Mapping[str, object] = field(default_factory=dict, repr=False)  # members of ctx that no call changes
    memory_mb: int = 128
    timeout_s: float = 30
    entry: str = "index.js"
    egress_allow: tuple[str, ...] = ()  # host patterns; what they mean is the proxy's to say
    egress_deny: tuple[str, ...] = ()
    dependencies: Path | None = None  # a finished, immutable tree of packages, seen read-only as `node_modules`

    @cached_property
    def key(self) -> tuple[str, str, str]:
        """Name the build."""
        return (self.boundary, self.function, self.version)

    @property
    def cpu_s(self) -> float:
        """Return the seconds of CPU that one call may use."""
        return max(CPU_SECONDS, self.timeout_s / 3)


class Answer(NamedTuple):
    """What came of a call; hostile unless its source is "proxy"."""

    status: int
    source: str  # "function", "provider" or "proxy" (contract 6.5)
    headers: bytes  # JSON list of [name, value] pairs, as the worker wrote it
    body: bytes
    cause: str = ""  # "" | "code_error" | "timeout" | "cpu" | "memory" | "rate_limited" | "egress_blocked" | "platform"
    message: str = ""  # of a failure the platform saw, for the record
    cpu_ms: float | None = None  # None when no process worked on it


Reply = Callable[[Answer], None]
LogSink = Callable[[Build, int, bytes], None]  # the build, the call's number or 0, and an entry as JSON (contract 7.1)

JSON_HEADERS = b'[["content-type","application/json; charset=utf-8"]]'


def failure(status: int, message: str, *, kind: str, cause: str, source: str = "provider") -> Answer:
    """Return the answer for a call whose process could not give one (contract 6.5, "Errors")."""
    body: dict[str, object] = {"status": status, "statusCode": status, "message": message}
    if source == "provider":
        body["properties"] = {"errorType": kind, "errorMessage": message, "trace": []}
    return Answer(status, source, JSON_HEADERS, json.dumps(body).encode(), cause, message)


def write_files(build: Build, directory: Path) -> None:
    """Write the build's files under `directory`; raise BadBuild on a name that leads out of it."""
    for name, content in build.files.items():
        target = directory.joinpath(*_parts(name))
        try:
            _folders(directory, target.parent)
            with target.open("xb") as stream:
                stream.write(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
            target.chmod(0o644)
        except OSError as error:
            raise BadBuild(f"The file {name!r} cannot be written.") from error


def _folders(directory: Path, wanted: Path) -> None:
    """Make the folders below `directory` down to `wanted`, readable for the function whatever our umask is."""
    if wanted == directory or wanted.is_dir():
        return
    _folders(directory, wanted.parent)
    wanted.mkdir()
    wanted.chmod(0o755)


def place_packages(dependencies: Path, target: Path, *, share: bool) -> None:
    """Put a tree of packages into `target`; `share` its files where nobody can write to them from there."""
    copy = _linked if share else shutil.copy
    shutil.copytree(dependencies, target, copy_function=copy, symlinks=True, dirs_exist_ok=True)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    allowed = (
        0 < len(parts) <= MAX_DEPTH
        and not name.startswith("/")
        and "\0" not in name
        and ".." not in parts
        and len(name.encode(errors="surrogatepass")) <= MAX_PATH_BYTES
        and all(len(part.encode(errors="surrogatepass")) <= MAX_NAME_BYTES for part in parts)
    )
    if not allowed:
        raise BadBuild(f"{name!r} is not a name for a file of a function.")
    return parts
