"""Makes one piece of a tree of packages, so that the next process has them without looking for a single file."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from fusebit_platform.runtime.builds import Answer, Build, Reply

PACKED = ".packed"  # in the tree itself, so that it is there wherever the tree is
PROGRAM = Path(__file__).with_name("packing.cjs")
SECONDS = 30.0
Submit = Callable[[Build, bytes, Reply], None]


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
    submit(build, json.dumps({"names": names}).encode(), answered.set_result)
    answer = await answered
    if answer.status != 200 or answer.source != "function":
        return
    fresh = packages / f"{PACKED}.new"
    try:
        fresh.write_bytes(answer.body)
        fresh.chmod(0o644)
        fresh.replace(packages / PACKED)
    except OSError:
        fresh.unlink(missing_ok=True)
