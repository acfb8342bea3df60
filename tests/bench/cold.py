"""Cold rows: the first call of a function that has no process yet."""

import concurrent.futures
import time
from pathlib import Path

from tests.bench.load import first_call, rank, wait_for_rest
from tests.bench.table import Table
from tests.gateway.conftest import Platform

HELLO = "module.exports = async (ctx) => ({ body: { hello: 'world' } });"
HEAVY = "require('express'); module.exports = async (ctx) => ({ body: { hello: 'world' } });"
CLOSED = {"authentication": "required"}
LIGHT_CALLS, HEAVY_CALLS, BURST = 40, 15, 40
APART_SECONDS = 0.15  # between two new tenants: the next spare process comes up


def rows(table: Table, platform: Platform, packages: Path | None) -> None:
    """Measure and print."""
    light = _one_by_one(platform, "cold", HELLO, LIGHT_CALLS)
    seen = f"p50 {rank(light, 0.5):.1f} ms, p95 {rank(light, 0.95):.1f} ms"
    met = rank(light, 0.5) <= 5 and rank(light, 0.95) <= 15
    table.add("cold first call, light code", seen, "p50 <= 5 ms, p95 <= 15 ms", met=met)
    if packages is not None:
        heavy = _one_by_one(platform, "heavy", HEAVY, HEAVY_CALLS, dependencies=str(packages))
        seen = f"p50 {rank(heavy, 0.5):.1f} ms, p95 {rank(heavy, 0.95):.1f} ms"
        table.add("cold, express-sized, built", seen, "p50 <= 25 ms", met=rank(heavy, 0.5) <= 25)
    burst = _at_once(platform)
    table.add(f"burst of {BURST} cold tenants", f"p50 {rank(burst, 0.5):.1f} ms, p95 {rank(burst, 0.95):.1f} ms",
              "p95 <= 80 ms", met=rank(burst, 0.95) <= 80)  # fmt: skip


def _one_by_one(platform: Platform, name: str, source: str, count: int, **settings: str) -> list[float]:
    times = []
    for number in range(count):
        platform.put(f"{name}{number}/hello", source, security=CLOSED, **settings)
        time.sleep(APART_SECONDS)
        times.append(first_call(platform.port, platform.url(f"{name}{number}/hello")))
    return times


def _at_once(platform: Platform) -> list[float]:
    for number in range(BURST):
        platform.put(f"burst{number}/hello", HELLO, security=CLOSED)
    wait_for_rest(platform.process.pid)
    with concurrent.futures.ThreadPoolExecutor(BURST) as callers:
        urls = [platform.url(f"burst{number}/hello") for number in range(BURST)]
        return list(callers.map(lambda url: first_call(platform.port, url), urls))
