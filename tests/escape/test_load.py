"""Crowds, slow clients and streams of bad calls cost others nothing and leave nothing (DO-01 to DO-05, LD-09)."""

import concurrent.futures
import contextlib
import os
import random
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.escape.test_kills import alive, children, wait_until
from tests.gateway import web
from tests.gateway.conftest import Platform, start

HELLO = "module.exports = async (ctx) => ({ body: 'hello' });"
IDLE = 3000  # connections; the full ten thousand are opened by tests.bench
MIXED = 400  # bad calls
MIB_PER_IDLE = 200 / 10_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    running = start(tmp_path_factory.mktemp("load"))
    yield running
    running.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(platform: Platform, stack: contextlib.ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", platform.port), timeout=30))


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_do_01_five_hundred_slow_heads_and_bodies_are_closed_and_others_served(platform: Platform) -> None:
    url = platform.put("b/hello", HELLO)
    assert web.get(url).status_code == 200
    path = url.partition(f":{platform.port}")[2].encode()
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        slow = [connect(platform, stack) for _ in range(500)]
        for number, client in enumerate(slow):
            head = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n"
            client.sendall(head if number % 2 else head + b"Content-Length: 100000\r\n\r\nx")
        assert all(web.get(url).status_code == 200 for _ in range(20))
        for client in slow[1::2]:
            while client.recv(4096):
                pass
        assert time.monotonic() - began < 30


def test_idle_connections_cost_little_and_others_are_served(platform: Platform) -> None:
    url = platform.put("b/hello", HELLO)
    assert web.get(url).status_code == 200
    path = url.partition(f":{platform.port}")[2].encode()
    before = resident_mib(platform.process.pid)
    with contextlib.ExitStack() as stack:
        for number in range(IDLE):
            client = connect(platform, stack)
            if number % 10 == 0:  # some of them have had an answer
                client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 200")
        assert web.get(url).status_code == 200
        assert resident_mib(platform.process.pid) - before < IDLE * MIB_PER_IDLE
    wait_until(lambda: descriptors(platform.process.pid) < IDLE)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET PATH HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        b"GET PATH HTTP/1.1\nHost: x\n\n",
        b"GET PATH HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_do_02_what_is_not_clear_is_refused_and_the_connection_closed(platform: Platform, request_: bytes) -> None:
    path = platform.put("b/hello", HELLO).partition(f":{platform.port}")[2].encode()
    answer = platform.raw(request_.replace(b"PATH", path), wait=30)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 505"))


def test_do_02_thousands_of_pipelined_requests_are_answered_or_the_connection_ends(platform: Platform) -> None:
    path = platform.put("b/hello", HELLO).partition(f":{platform.port}")[2].encode()
    request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", platform.port), timeout=30) as client:
        with contextlib.suppress(OSError):
            client.sendall(request * 10_000)
        received = b""
        with contextlib.suppress(OSError):
            while received.count(b"HTTP/1.1 ") < 10_000 and (more := client.recv(1 << 20)):
                received += more
    assert received.count(b"HTTP/1.1 200") == received.count(b"HTTP/1.1 ")
    assert web.get(platform.url("b/hello")).status_code == 200


def test_do_05_one_boundary_fills_its_own_queue_alone(platform: Platform) -> None:
    slow = "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, 1500)); return { body: 1 }; };"
    full = platform.put("full/slow", slow, policy={"concurrency": 4})
    other = platform.put("other/hello", HELLO, policy={"concurrency": 4})
    with concurrent.futures.ThreadPoolExecutor(20) as callers:
        statuses = [callers.submit(lambda: web.get(full).status_code) for _ in range(20)]
        assert {web.get(other).status_code for _ in range(10)} == {200}
        seen = [status.result() for status in statuses]
    assert set(seen) == {200, 429}
    assert seen.count(429) >= 10


BAD = [
    "process.exit(1);", "throw new Error('x');", "for (;;);", "await new Promise(() => {});", "process.abort();",
    "const a = []; for (;;) a.push(Buffer.alloc(1e7, 1));", "require('fs').writeSync(3, 'garbage that is no frame');",
    "console.log('x'.repeat(1e6)); return { body: 1 };", "require('fs').writeFileSync('/tmp/x', Buffer.alloc(3e7));",
    "await fetch('http://10.0.0.1/');", "return { body: 'x'.repeat(7e6) };", "return { headers: { a: 'b\\r\\nc' } };",
    "require('child_process').spawn('x');", "return { status: 99 };", "setTimeout(() => { throw 1; }); await 1;",
]  # fmt: skip


def test_ld_09_a_stream_of_bad_calls_leaves_nothing_behind(platform: Platform) -> None:
    pid = platform.process.pid
    for number, work in enumerate(BAD):
        platform.put(f"bad{number}/f", f"module.exports = async (ctx) => {{ {work} }};", timeout_s=1)
    good = platform.put("good/f", HELLO)
    assert web.get(good).status_code == 200
    before = (descriptors(pid), resident_mib(pid))
    order = random.Random(9).choices(range(len(BAD)), k=MIXED)  # noqa: S311 (no secret)
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        statuses = set(
            callers.map(lambda number: web.get(platform.url(f"bad{number}/f"), timeout=60).status_code, order)
        )
    assert statuses <= {200, 429, 500, 522}
    assert web.get(good).status_code == 200
    workers = children(pid)
    assert len(alive(workers)) < len(BAD) * 3 + 10
    wait_until(lambda: descriptors(pid) - before[0] < 6 * len(BAD))
    assert resident_mib(pid) - before[1] < 60
    temporary = platform.path.parent / "temporary"
    wait_until(lambda: sum(1 for root in temporary.glob("functions-*") for _ in root.iterdir()) <= len(BAD) * 3 + 10)
