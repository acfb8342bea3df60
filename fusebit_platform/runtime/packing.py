"""Makes one piece of a tree of packages, so that the next process has them without looking for a single file."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from fusebit_platform.runtime import node
from fusebit_platform.runtime.builds import Answer, Build, Reply

PROGRAM = Path(__file__).with_name("packing.cjs")
SECONDS = 30.0
Submit = Callable[[Build, bytes, Reply], None]


def piece(packages: Path) -> Path:
    """Return where a tree's piece is: in the tree itself, named for the one version of Node.js whose code is in it."""
    return packages / f".packed-{node.version()}"


def build_of(packages: Path) -> Build:
    """Return the function that packs a tree; its boundary is nobody's."""
    return Build(
        boundary=f"packing {packages.parent.name}",
        function="packing",
        version="1",
        files={"index.js": PROGRAM.read_bytes()},
        dependencies=packages,
        timeout_s=SECONDS,
    )


async def pack(packages: Path, build: Build, submit: Submit) -> None:
    """Pack a tree in a sandbox of its own and leave the piece in it; without one, everything works but slower.

    Only what the packages themselves do goes into it: no function has run there.
    """
    try:
        manifest = json.loads((packages.parent / "package.json").read_text())
        names = list(manifest.get("dependencies", {}))
    except (OSError, ValueError, AttributeError):
        return
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def reply(answer: Answer) -> None:
        if not answered.done():  # the platform may have stopped to wait
            answered.set_result(answer)

    submit(build, json.dumps({"names": names}).encode(), reply)
    answer = await answered
    if answer.status != 200 or answer.source != "function":
        return
    packed = piece(packages)
    fresh = packed.with_name(f"{packed.name}.new")
    try:
        fresh.write_bytes(answer.body)
        fresh.chmod(0o644)
        fresh.replace(packed)
    except OSError:
        fresh.unlink(missing_ok=True)
