"""Warm rows: one boundary, twenty of them, added latency, and the peers, in rounds beside bare node:http."""

from pathlib import Path

from tests.bench.load import Server, median, ratio, rounds
from tests.bench.table import Table
from tests.gateway.conftest import Platform

HERE = Path(__file__).parent
MANY = HERE / "boundaries.lua"


def rows(table: Table, platform: Platform, bare: Server, peers: list[Server], seconds: float, count: int) -> None:
    """Measure and print."""
    one = Server("platform", platform.url("b1/hello"), platform.process.pid)
    many = Server("20 boundaries", platform.url("b1/hello"), platform.process.pid, MANY)
    for connections in (16, 64):
        samples = rounds([bare, one, many, *peers], connections, seconds, count)
        for server, goal in ((one, 0.60), (many, 0.30 if connections == 16 else 0.40)):
            value, text = ratio(samples[server.name], samples[bare.name])
            own, theirs = (median(samples[name], lambda sample: sample.cpu_us) for name in (server.name, bare.name))
            seen = f"{text} x bare; CPU {own:.0f} us/request, bare {theirs:.0f}"
            what = "one boundary" if server is one else "20 boundaries"
            table.add(f"{what}, c{connections}", seen, f">= {goal:.2f} x bare", met=value >= goal)
        ours = median(samples[one.name], lambda sample: sample.rate)
        for peer in peers:
            rate = median(samples[peer.name], lambda sample: sample.rate)
            cpu = median(samples[peer.name], lambda sample: sample.cpu_us)
            seen = f"{rate:.0f}/s, ours {ours:.0f}/s; CPU {cpu:.0f} us/request"
            table.add(f"peer {peer.name}, c{connections}", seen, "ahead of it", met=ours > rate)
    samples = rounds([bare, one], 1, seconds, count)
    added = [ours.p50 - theirs.p50 for ours, theirs in zip(samples[one.name], samples[bare.name], strict=True)]
    middle = sorted(added)[len(added) // 2]
    seen = f"{middle:.2f} ms ({min(added):.2f}-{max(added):.2f})"
    table.add("added latency p50, c1", seen, "<= 0.3 ms", met=middle <= 0.3)
