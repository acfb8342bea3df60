"""A pool of real worker processes, driven from synchronous tests."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from fusebit_platform.runtime import node
from fusebit_platform.runtime.builds import Answer, Build
from fusebit_platform.runtime.pool import Pool
from fusebit_platform.runtime.recipe import Recipe

TOKEN = "const token = Math.random(); module.exports = async (ctx) => ({ body: token });"


class Functions:
    """Run functions and keep what they logged."""

    def __init__(self, recipe: Recipe, **settings: Any) -> None:
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.logged: list[tuple[int, dict[str, Any]]] = []
        self.printed: list[tuple[str, int, dict[str, Any]]] = []  # the same by function
        self.run(self._open(recipe, settings))
        self.count = 0

    async def _open(self, recipe: Recipe, settings: dict[str, Any]) -> None:
        self.pool = Pool(recipe, sink=self._log, **settings)
        await self.pool.start()

    def _log(self, build: Build, call: int, entry: bytes) -> None:
        self.logged.append((call, json.loads(entry)))
        self.printed.append((build.function, call, json.loads(entry)))

    def printed_by(self, build: Build) -> list[tuple[int, dict[str, Any]]]:
        """Return the calls and entries of one function: processes of others may still be ending."""
        return [(call, entry) for name, call, entry in self.printed if name == build.function]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def build(self, source: str, **settings: Any) -> Build:
        self.count += 1
        names = {"boundary": "b", "function": f"f{self.count}", "version": "1", "files": {"index.js": source}}
        return Build(**{**names, **settings})

    async def answer(self, build: Build, **ctx: Any) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.pool.submit(build, json.dumps(ctx).encode(), answered.set_result)
        return await asyncio.wait_for(answered, 40)

    def call(self, build: Build | str, **ctx: Any) -> Answer:
        return self.run(self.answer(self.build(build) if isinstance(build, str) else build, **ctx))

    def body(self, build: Build | str, **ctx: Any) -> Any:
        answer = self.call(build, **ctx)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    async def settle(self, condition: Any) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self.run(self.pool.close())
        self.runner.close()


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe.of(node.find())


@pytest.fixture(scope="module")
def functions(recipe: Recipe) -> Iterator[Functions]:
    opened = Functions(recipe)
    yield opened
    opened.close()
