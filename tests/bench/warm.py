"""Warm rows: one boundary, twenty of them, added latency, and the peers, in rounds beside bare node:http.

Ours is the whole embedded Fusebit on its database: each call has a token of a key of an issuer, and is written down.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.bench.load import Server, median, ratio, rounds, wait_for_rest, wrk
from tests.bench.table import Table
from tests.embedded import EmbeddedFusebit

MANY = str(Path(__file__).parent / "boundaries.lua")
BOUNDARIES = 20
WARM_UP_SECONDS = 5  # for every server alike: until each of the functions is compiled
HELLO = "module.exports = async (ctx) => ({ body: { hello: 'world' } });"
SPECIFICATION = {"nodejs": {"files": {"index.js": HELLO}}, "security": {"authentication": "required"}}


@contextmanager
def whole_platform() -> Iterator[tuple[Server, Server]]:
    """Run the embedded Fusebit with a warm function in each of many boundaries; yield one of them, and all."""
    fusebit = EmbeddedFusebit().start()
    try:
        token = fusebit.token(exp=int(time.time()) + 24 * 3600)
        for number in range(1, BOUNDARIES + 1):
            boundary = f"b{number}"
            for method, path in (("PUT", fusebit.f(boundary, "f")), ("GET", fusebit.run_path(boundary, "f"))):
                answer = fusebit.request(method, path, json=SPECIFICATION if method == "PUT" else None, token=token)
                assert answer.status_code == 200, answer.text
        assert fusebit.process is not None
        wait_for_rest(fusebit.process.pid)
        place = (f"http://127.0.0.1:{fusebit.port}{fusebit.run_path('b1', 'f')}", fusebit.process.pid)
        script = (MANY, fusebit.run_path("bNUMBER", "f"), str(BOUNDARIES))
        authorization = f"Authorization: Bearer {token}"
        yield (
            Server("one boundary", *place, authorization=authorization),
            Server(f"{BOUNDARIES} boundaries", *place, script, authorization),
        )
    finally:
        fusebit.stop()


def rows(
    table: Table, ours: tuple[Server, Server], bare: Server, peers: list[Server], seconds: float, count: int
) -> None:
    """Measure and print; everybody is asked with the same header."""
    one, many = ours
    bare, *peers = (replace(server, authorization=one.authorization) for server in (bare, *peers))
    for server in (bare, one, many, *peers):
        wrk(server, 16, WARM_UP_SECONDS)
    for connections in (16, 64):
        samples = rounds([bare, one, many, *peers], connections, seconds, count)
        for server, goal in ((one, 0.60), (many, 0.30 if connections == 16 else 0.40)):
            value, text = ratio(samples[server.name], samples[bare.name])
            own, theirs = (median(samples[name], lambda sample: sample.cpu_us) for name in (server.name, bare.name))
            seen = f"{text} x bare; CPU {own:.0f} us/request, bare {theirs:.0f}"
            table.add(f"{server.name}, c{connections}", seen, f">= {goal:.2f} x bare", met=value >= goal)
        own_rate = median(samples[one.name], lambda sample: sample.rate)
        for peer in peers:
            rate = median(samples[peer.name], lambda sample: sample.rate)
            cpu = median(samples[peer.name], lambda sample: sample.cpu_us)
            seen = f"{rate:.0f}/s, ours {own_rate:.0f}/s; CPU {cpu:.0f} us/request"
            table.add(f"peer {peer.name}, c{connections}", seen, "ahead of it", met=own_rate > rate)
    samples = rounds([bare, one], 1, seconds, count)
    added = [own.p50 - theirs.p50 for own, theirs in zip(samples[one.name], samples[bare.name], strict=True)]
    middle = sorted(added)[len(added) // 2]
    seen = f"{middle:.2f} ms ({min(added):.2f}-{max(added):.2f})"
    table.add("added latency p50, c1", seen, "<= 0.3 ms", met=middle <= 0.3)
