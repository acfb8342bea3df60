"""Rows about what idle things cost, what a neighbour feels, and what stays behind."""

import concurrent.futures
import contextlib
import random
import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.cold import HELLO
from tests.bench.load import cpu_seconds, first_call, rank, wait_for_rest
from tests.bench.table import Table
from tests.escape.test_kills import children
from tests.escape.test_load import BAD, descriptors, resident_mib
from tests.gateway import web
from tests.gateway.conftest import Platform

IDLE = 90
BOMBS = 6
VICTIM_CALLS = 300
BOMB = "module.exports = async (ctx) => { const end = Date.now() + 25000; while (Date.now() < end); };"
WORK = "module.exports = async (ctx) => { let x = 0; for (let n = 0; n < 2e6; n++) x += n % 7; return { body: x }; };"


def available_mib() -> float:
    """Return the memory of the machine that is left."""
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def idle_workers(table: Table, platform: Platform) -> None:
    """Print what an idle isolated worker costs, by what the kernel says is left."""
    wait_for_rest(platform.process.pid)
    before = available_mib()
    for number in range(IDLE):
        first_call(platform.port, platform.put(f"idle{number}/hello", HELLO))
    wait_for_rest(platform.process.pid)
    used = (before - available_mib()) / IDLE
    began = cpu_seconds(platform.process.pid) - cpu_seconds_of_self(platform)
    time.sleep(5)
    ticks = cpu_seconds(platform.process.pid) - cpu_seconds_of_self(platform) - began
    seen = f"{used:.1f} MiB each, {1024 / used:.0f} per GiB; {ticks:.2f} s of CPU in 5 s"
    table.add("idle isolated workers", seen, ">= 90 per GiB; 0 CPU", met=1024 / used >= 90 and ticks < 0.05)


def cpu_seconds_of_self(platform: Platform) -> float:
    """Return what the platform's own process used, without those below it."""
    fields = Path(f"/proc/{platform.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def idle_connections(table: Table, platform: Platform, count: int) -> None:
    """Print what open connections cost that say nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 500)
    before = resident_mib(platform.process.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=30))
        first_call(platform.port, platform.url("b1/hello"))
        used = resident_mib(platform.process.pid) - before
    table.add(f"{count} idle connections", f"{used:.0f} MiB", "< 200 MiB", met=used < 200)


def neighbour(table: Table, platform: Platform) -> None:
    """Print what a victim feels of another tenant's computations."""
    victim = platform.put("victim/work", WORK)
    alone = _timed(platform, victim)
    bombs = [platform.put(f"bomb{number}/f", BOMB, timeout_s=30) for number in range(BOMBS)]
    with concurrent.futures.ThreadPoolExecutor(BOMBS) as callers:
        running = [callers.submit(web.get, url, timeout=60) for url in bombs]
        time.sleep(2)
        beside = _timed(platform, victim)
        for bomb in running:
            bomb.result()
    p50, p99 = (rank(beside, share) / rank(alone, share) for share in (0.5, 0.99))
    seen = f"p50 {p50:.2f} x, p99 {p99:.2f} x of {rank(alone, 0.5):.1f} / {rank(alone, 0.99):.1f} ms"
    table.add(f"victim beside {BOMBS} CPU bombs", seen, "p50 <= 1.5 x, p99 <= 4 x", met=p50 <= 1.5 and p99 <= 4)


def _timed(platform: Platform, url: str) -> list[float]:
    first_call(platform.port, url)
    return [first_call(platform.port, url) for _ in range(VICTIM_CALLS)]


def leaks(table: Table, platform: Platform, calls: int) -> None:
    """Print what a long stream of good and bad calls leaves behind."""
    pid = platform.process.pid
    urls = [platform.put("good/f", HELLO)]
    for number, work in enumerate(BAD):
        urls.append(platform.put(f"bad{number}/f", f"module.exports = async (ctx) => {{ {work} }};", timeout_s=1))
    with _callers() as call:
        call(urls * 20)  # everything has been there once
    wait_for_rest(pid)
    before = _standing(platform)
    order = random.Random(1).choices(urls, weights=[len(urls), *[1] * (len(urls) - 1)], k=calls)  # noqa: S311
    with _callers() as call:
        call(order)
    wait_for_rest(pid)
    after = _standing(platform)
    grown = after[0] / before[0] - 1
    more = [now - then for then, now in zip(before[1:], after[1:], strict=True)]
    names = ("processes", "descriptors", "directories", "mounts")
    seen = f"{grown:+.1%}; more " + ", ".join(f"{name} {extra:+d}" for name, extra in zip(names, more, strict=True))
    processes = max(more[0], 0)  # some of the bad functions have one, or two, and some have just lost theirs
    kept = more[1] <= 4 * processes + 8 and more[2] <= processes + 4 and more[3] <= 0
    met = grown <= 0.05 and processes <= 2 * len(BAD) and kept
    table.add(f"{calls} mixed calls (pid {pid})", seen, "memory <= +5 %, 0 leaked", met=met)


@contextmanager
def _callers() -> Iterator[object]:
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        yield lambda urls: list(callers.map(lambda url: web.get(url, timeout=60).status_code, urls))


def _standing(platform: Platform) -> tuple[float, int, int, int, int]:
    pid = platform.process.pid
    directories = sum(1 for root in (platform.path.parent / "temporary").glob("functions-*") for _ in root.iterdir())
    mounts = len(Path("/proc/self/mountinfo").read_text().splitlines())
    return (resident_mib(pid), len(children(pid)), descriptors(pid), directories, mounts)
