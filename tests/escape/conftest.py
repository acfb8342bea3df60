"""Pools of sandboxes, one for each set of layers, and what attacks are aimed at."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fusebit_platform.egress.proxy import Proxy
from fusebit_platform.egress.rules import Operator
from fusebit_platform.runtime import kernel, node, probe
from fusebit_platform.runtime.recipe import Recipe
from fusebit_platform.runtime.sandbox import LAST_CAPABILITY
from tests.escape.weakened import Weakened
from tests.runtime.conftest import Functions

# A call ends within a second after its limit; two more are for a machine that does other things too.
LATE_S = float(os.environ.get("LATE_S", "3"))
Pools = Callable[[frozenset[str]], Functions]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe.of(node.find())


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    opened = Proxy(Operator())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pools(recipe: Recipe, proxy: Proxy) -> Iterator[Pools]:
    """Return functions that run without some layers; each set of layers has its own pool."""
    opened: dict[frozenset[str], Functions] = {}

    def pool(off: frozenset[str]) -> Functions:
        if off not in opened:
            weakened = Weakened.without(recipe, off)
            opened[off] = Functions(weakened, spares=0, egress=proxy if not off else None)
        return opened[off]

    yield pool
    for functions in opened.values():
        functions.close()


def give_up_capabilities() -> None:
    """Be root by name alone, so that reading this process takes no more than being the same user."""
    for capability in range(LAST_CAPABILITY + 1):
        kernel.libc.prctl(kernel.PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.fixture(scope="module")
def bait(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Offer a file, sockets, and a process with a secret in its environment and in its arguments."""
    word = f"secret-{secrets.token_hex(8)}"
    program = "import sys; sys.stdin.read()"
    with (
        probe.bait() as targets,
        subprocess.Popen(
            [sys.executable, "-S", "-c", program, word],
            env={"SECRET": word},
            stdin=subprocess.PIPE,
            preexec_fn=give_up_capabilities,
        ) as process,
    ):
        library = next(path for path in recipe.libraries if "libc.so" in path)
        known = {"word": word, "pid": process.pid, "host": socket.gethostname(), "library": library}
        yield {**targets, **known}
        process.kill()
    Path("/dev/shm", word).unlink(missing_ok=True)  # noqa: S108 - where the attack without layers wrote to


IS_ROOT = os.geteuid() == 0
