"""Packages survive what happens to a platform: a build that was killed goes on, what was lost is fetched again."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import requests

from tests.embedded import EmbeddedFusebit
from tests.npm_registry import Registry

PATIENCE_S = 60
SPECIFICATION = {
    "nodejs": {
        "files": {
            "index.js": "module.exports = async (ctx) => ({body: require('seven')});",
            "package.json": {"dependencies": {"seven": "*"}},
        }
    }
}


class SlowRegistry(Registry):
    """Keeps whoever wants a tarball waiting until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = Event(), Event()

    def answer(self, handler) -> None:
        if handler.path.endswith(".tgz"):
            self.asked.set()
            self.go_on.wait(PATIENCE_S)
        super().answer(handler)


@pytest.fixture
def registry() -> Iterator[SlowRegistry]:
    served = SlowRegistry()
    served.add("seven", "1.0.0", {"index.js": "module.exports = 7;"})
    yield served
    served.go_on.set()
    served.close()


@pytest.fixture
def server(registry) -> Iterator[EmbeddedFusebit]:
    running = EmbeddedFusebit(environment={"NPM_REGISTRY": registry.url}).start()
    yield running
    running.stop()


def working_below(directory: Path) -> set[str]:
    """Return the processes whose working directory lies there."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(directory):
                found.add(process.name)
    return found


def called(server: EmbeddedFusebit) -> requests.Response:
    return server.request("GET", server.run_path("b", "f"), token=None, timeout=PATIENCE_S)


def test_packages_that_are_lost_are_fetched_again_by_the_next_call(server, registry):
    registry.go_on.set()
    assert server.request("PUT", server.f("b", "f"), json=SPECIFICATION, timeout=PATIENCE_S).status_code == 200
    server.stop(forget=False)
    shutil.rmtree(server.directory / "platform" / "packages")
    server.start()
    assert called(server).json() == 7


def test_a_build_goes_on_after_the_platform_was_killed(server, registry):
    with ThreadPoolExecutor(1) as threads:
        put = threads.submit(server.request, "PUT", server.f("b", "f"), json=SPECIFICATION, timeout=PATIENCE_S)
        assert registry.asked.wait(PATIENCE_S)
        build = put.result().json()  # the PUT does not wait for ever
        assert build["status"] == "building"
    assert working_below(server.directory)
    server.process.kill()
    server.stop(forget=False)
    deadline = time.monotonic() + PATIENCE_S
    while working_below(server.directory):  # npm ends with the platform
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.start()
    assert called(server).status_code == 404
    registry.go_on.set()
    deadline = time.monotonic() + PATIENCE_S
    status = 201
    while status == 201 and time.monotonic() < deadline:
        status = server.request("GET", f"{server.f('b', 'f')}/build/{build['buildId']}").status_code
        time.sleep(0.1)
    assert status == 200
    assert called(server).json() == 7
    assert not list((server.directory / "platform" / "packages").glob("building-*"))
