"""How this machine starts a worker: which layers it has, the directories, and the Node.js command line."""

import os
import re
import secrets
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from fusebit_platform.runtime import landlock
from fusebit_platform.runtime.errors import SpawnFailed
from fusebit_platform.runtime.limits import Limits
from fusebit_platform.runtime.sandbox import Plan

NAMES = ("harness.cjs", "outward.cjs", "packed.cjs", "scheduling.cjs")  # the first one starts
SCRIPTS = tuple(Path(__file__).with_name(name) for name in NAMES)
FIRST_HOST_ID = 200_000  # users nobody else has; each worker of a root platform gets one of its own
HOST_IDS = 60_000
LIBRARY = re.compile(r"(?:=>\s+|^\s*)(/\S+)")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The way from an empty directory to an isolated process that waits for its function."""

    node: Path
    libraries: tuple[str, ...]
    namespaces: bool = True
    landlock: bool = True
    seccomp: bool = True
    egress: bool = True  # a socket to the proxy; there is none where namespaces do not hide all others
    permissions: bool = True  # Node.js's own permission model, on top of what the kernel enforces

    @classmethod
    def of(cls, node: Path) -> "Recipe":
        """Return the strongest recipe this kernel may be able to follow; the probe tells whether it can."""
        return cls(node=node, libraries=shared_objects(node), landlock=landlock.version() > 0)

    def without_namespaces(self) -> "Recipe":
        """Return the recipe for a machine where namespaces are blocked."""
        return replace(self, namespaces=False, egress=False)

    def without_egress(self) -> "Recipe":
        """Return the recipe for processes that need no network at all."""
        return replace(self, egress=False)

    def prepare(self, directory: Path, host_id: int | None) -> None:
        """Make what a worker's directory holds; a root platform's worker may pass through its own only."""
        (directory / "app").mkdir()
        (directory / "app").chmod(0o755)
        (directory / "root").mkdir(mode=0o700)
        (directory / "tmp").mkdir(mode=0o700)
        if host_id is not None:
            os.chown(directory, host_id, host_id)
            os.chown(directory / "tmp", host_id, host_id)

    def plan(self, directory: Path, limits: Limits, host_id: int | None) -> Plan:
        """Return a worker's plan."""
        return Plan(
            directory=str(directory),
            node=str(self.node),
            scripts=tuple(str(script) for script in SCRIPTS),
            libraries=self.libraries,
            argv=self._argv(directory, limits),
            limits=limits if self.namespaces or host_id is not None else replace(limits, threads=0),
            host_id=host_id,
            namespaces=self.namespaces,
            landlock=self.landlock,
            seccomp=self.seccomp,
            egress=self.egress and self.namespaces,
        )

    def code_directory(self, directory: Path) -> str:
        """Return the path of the function's files as the process sees it."""
        return "/app" if self.namespaces else str(directory / "app")

    def _argv(self, directory: Path, limits: Limits) -> tuple[str, ...]:
        inside = Path("/") if self.namespaces else directory
        scripts = [f"/{script.name}" if self.namespaces else str(script) for script in SCRIPTS]
        argv = [
            "node",
            f"--max-old-space-size={limits.heap_mb}",
            "--no-warnings",
            "--no-addons",
            "--openssl-config=/dev/null",
        ]
        if self.permissions:
            argv += [
                "--permission",
                *(f"--allow-fs-read={script}" for script in scripts),
                f"--allow-fs-read={inside / 'app' / '*'}",
                f"--allow-fs-read={inside / 'tmp' / '*'}",
                f"--allow-fs-write={inside / 'tmp' / '*'}",
            ]
        return (*argv, scripts[0])


def host_id() -> int | None:
    """Return the user a worker runs as when the platform is root, a different one each time; None when it is not."""
    if os.geteuid() != 0:
        return None
    return FIRST_HOST_ID + secrets.randbelow(HOST_IDS)


def shared_objects(node: Path) -> tuple[str, ...]:
    """Return the loader and the libraries of a binary, as the dynamic loader finds them."""
    try:
        listed = subprocess.run(  # noqa: S603 - prints what our own binary is linked to
            ["/usr/bin/ldd", str(node)], env={}, capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SpawnFailed("ldd does not tell which libraries Node.js needs.") from error
    found = (LIBRARY.search(line) for line in listed.splitlines())
    return tuple(match.group(1) for match in found if match is not None)
