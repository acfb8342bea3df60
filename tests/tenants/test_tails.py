"""Live logs: a line is there within moments, nothing is lost on the way back, secrets are masked."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tenants.models import Function, Tenant
from tenants.services import configuration, functions, invocations, tails
from tests.coroutines import completed, in_thread
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.conftest import work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
CODE = "module.exports = async (ctx) => { console.log(`said ${ctx.query.n} ${ctx.configuration.KEY}`); return {}; };\n"
PATIENCE_S = 30


@pytest.fixture
def hello(ada_at_home: Tenant) -> Function:
    """Ada's function, which prints what it is asked and a secret."""
    hello, ada = ada_at_home.functions.get(), ada_at_home.members.get()
    configuration.patch(function=hello, author=ada, secret={"KEY": "very-private"})
    change = functions.Change(files={"index.js": CODE})
    version = functions.save(function=hello, change=change, base_version=hello.latest.number, author=ada)
    functions.deploy(function=hello, version=version, author=ada)
    work()
    return Function.objects.select_related("tenant", "deployment__live_version").get(pk=hello.pk)


async def say(hello: Function, number: int) -> None:
    """Have the function print `number`."""

    def call() -> None:
        actor = hello.tenant.members.get()
        run = invocations.Call(query=(("n", str(number)),))
        invocations.run(function=hello, actor=actor, call=run)

    await in_thread(call)


async def lines(items: AsyncIterator[tails.Item], wanted: int) -> list[tails.Item]:
    """The next so many lines."""
    found: list[tails.Item] = []
    async with asyncio.timeout(PATIENCE_S):
        async for item in items:
            if item.kind == "log":
                found.append(item)
            if len(found) == wanted:
                break
    return found


async def connected(items: AsyncIterator[tails.Item]) -> None:
    """Return when Fusebit's stream is open."""
    async with asyncio.timeout(PATIENCE_S):
        async for item in items:
            if item.kind == "connected":
                return


async def followed(hello: Function) -> tuple[list[str], list[str], list[str]]:
    """What two people see, one of whom comes back after having missed a line."""
    ada, ben = tails.follow(function=hello, after=""), tails.follow(function=hello, after="")
    await asyncio.gather(connected(ada), connected(ben))
    await say(hello, 1)
    (first,), (same,) = await lines(ada, 1), await lines(ben, 1)
    await ben.aclose()
    await say(hello, 2)
    (second,) = await lines(ada, 1)
    back = tails.follow(function=hello, after=first.number)
    (missed,) = await lines(back, 1)
    cold = tails.Channel(hello.tenant)  # another process of the site, which remembers nothing
    asked = await in_thread(lambda: cold.backlog(first.number, "hello")) or []
    backlog = [item for item in asked if item.kind == "log"]
    await asyncio.gather(ada.aclose(), back.aclose())
    said = [[str((item.data or {})["msg"]) for item in items] for items in ([first, same], [second, missed], backlog)]
    assert first.data is not None
    assert first.data["version"] == hello.deployment.live_version.number
    assert "very-private" not in json.dumps(first.data)
    return said[0], said[1], said[2]


async def broken(hello: Function, embedded: EmbeddedFusebit) -> list[str]:
    """What somebody sees whose stream breaks before anything came over it."""
    ada = tails.follow(function=hello, after="0")
    await connected(ada)
    await in_thread(lambda: embedded.stop(kill=True))
    await in_thread(embedded.start)
    await say(hello, 1)  # most likely before the stream is open again
    await say(hello, 2)
    found = await lines(ada, 2)
    await ada.aclose()
    return [str((item.data or {})["msg"]) for item in found]


def test_a_line_that_is_printed_while_the_stream_is_broken_is_not_lost(
    hello: Function, embedded: EmbeddedFusebit
) -> None:
    assert completed(broken(hello, embedded)) == ["said 1 •••(KEY)", "said 2 •••(KEY)"]


def test_everybody_sees_each_line_once_and_resumes_after_the_last(hello: Function) -> None:
    both, later, backlog = completed(followed(hello))

    assert both == ["said 1 •••(KEY)"] * 2
    assert later == ["said 2 •••(KEY)"] * 2
    assert backlog == ["said 2 very-private"]  # masked when it leaves, not when it is read
