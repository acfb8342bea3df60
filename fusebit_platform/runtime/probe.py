"""Prove at start that the sandbox holds: try to escape through the real recipe, and look at it from outside."""

import asyncio
import json
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fusebit_platform.runtime.builds import Answer, Build
from fusebit_platform.runtime.errors import RuntimeFault
from fusebit_platform.runtime.outlets import Egress
from fusebit_platform.runtime.pool import Pool
from fusebit_platform.runtime.recipe import Recipe

ATTEMPTS = Path(__file__).with_name("escape.cjs")
SECONDS = 15
NAMESPACES = {
    "user namespace": "user",
    "mount namespace": "mnt",
    "pid namespace": "pid",
    "network namespace": "net",
    "ipc namespace": "ipc",
    "uts namespace": "uts",
}
REQUIRED = frozenset({"system call filter", "no new privileges", "no capabilities", "not root", "memory limit"})


@dataclass(frozen=True)
class Report:
    """What holds: layers by name, and the escape attempts that succeeded."""

    layers: dict[str, bool]
    escapes: tuple[str, ...]
    trouble: str = ""  # why the probe could not run at all

    @property
    def sound(self) -> bool:
        """Tell whether strangers' code may run."""
        held = {name for name, active in self.layers.items() if active}
        return not self.trouble and not self.escapes and held >= REQUIRED

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the layers that are not there."""
        return tuple(name for name, active in self.layers.items() if not active)

    def __str__(self) -> str:
        """Say in one line how the machine isolates functions."""
        if self.trouble:
            return f"no function can be isolated: {self.trouble}"
        active = ", ".join(name for name, is_active in self.layers.items() if is_active)
        parts = [f"active: {active}", f"missing: {', '.join(self.missing)}"]
        if not self.missing:
            parts = [f"all layers are active: {active}"]
        if self.escapes:
            parts.append(f"a function could {'; '.join(self.escapes)}")
        return "; ".join(parts)


_latest: list[Report] = []


def latest() -> Report | None:
    """Return what the probe found when this process started, None when it has not run."""
    return _latest[-1] if _latest else None


_refusing: list[str] = []


def refuse(sentence: str) -> None:
    """Take note of why this process runs no function."""
    _refusing[:] = [sentence]


def refusing() -> str | None:
    """Return why this process runs no function, None when it does."""
    return _refusing[-1] if _refusing else None


async def strongest(recipe: Recipe, egress: Egress | None = None) -> tuple[Recipe, Report]:
    """Return the strongest recipe this machine can follow, and what it holds."""
    chosen, report = recipe, await examine(recipe, egress)
    if report.trouble and recipe.namespaces:
        chosen = recipe.without_namespaces()
        report = await examine(chosen, egress)
    _latest[:] = [report]
    return chosen, report


async def examine(recipe: Recipe, egress: Egress | None = None) -> Report:
    """Run the attempts by a recipe, with its way out where one is given.

    Node.js's permission model, which is no boundary, is off.
    """
    pool = Pool(replace(recipe, permissions=False), spares=0, egress=egress)
    build = Build(
        boundary="probe",
        function="probe",
        version="1",
        files={"index.js": ATTEMPTS.read_bytes()},
        timeout_s=10,
    )
    try:
        await pool.start()
        with bait() as targets:
            escapes = await _attempt(pool, build, targets)
        layers = observed(next(iter(pool.pids("probe")), 0)) | {"landlock": recipe.landlock}
        if egress is not None:
            layers["egress proxy"] = recipe.egress and recipe.namespaces
    except (RuntimeFault, OSError, TimeoutError) as error:
        return Report({}, (), str(error) or type(error).__name__)
    finally:
        await pool.close()
    return Report(layers, escapes)


async def _attempt(pool: Pool, build: Build, targets: dict[str, object]) -> tuple[str, ...]:
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    pool.submit(build, json.dumps(targets).encode(), answered.set_result)
    answer = await asyncio.wait_for(answered, SECONDS)
    if answer.status != 200:
        raise RuntimeFault(f"the probe did not end: {answer.body[:300].decode(errors='replace')}")
    return tuple(str(name) for name in json.loads(answer.body))


@contextmanager
def bait() -> Iterator[dict[str, object]]:
    """Offer what a function must not reach: a readable file, sockets, this process."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bait-"))
        Path(directory).chmod(0o777)  # the sandbox is to refuse, not the file modes
        marker = Path(directory, "marker")
        marker.write_text("a secret of the host")
        marker.chmod(0o644)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        path, abstract = str(Path(directory, "socket")), f"bait-{secrets.token_hex(8)}"
        addresses = [path, f"\0{abstract}"] if sys.platform == "linux" else [path]
        for address in addresses:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        Path(path).chmod(0o777)
        yield {
            "directory": directory,
            "marker": str(marker),
            "pid": os.getpid(),
            "port": tcp.getsockname()[1],
            "socket": path,
            "abstract": abstract,
        }


def observed(pid: int) -> dict[str, bool]:
    """Return which layers a process is under, as the kernel tells its parent."""
    process = Path("/proc", str(pid))
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    limits = (process / "limits").read_text().splitlines()
    bounded = any(line.startswith("Max data size") and "unlimited" not in line.split()[3] for line in limits)
    layers = {name: _differs(process / "ns" / kind, Path("/proc/self/ns", kind)) for name, kind in NAMESPACES.items()}
    return layers | {
        "system call filter": status["Seccomp"] == "2",
        "no new privileges": status["NoNewPrivs"] == "1",
        "no capabilities": int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0,
        "not root": "0" not in status["Uid"].split(),
        "memory limit": bounded,
        "demotion of long computations": (process / "autogroup").exists(),
    }


def _differs(theirs: Path, ours: Path) -> bool:
    try:
        return theirs.readlink() != ours.readlink()
    except PermissionError:
        return True  # one may not look into a namespace one is not in
