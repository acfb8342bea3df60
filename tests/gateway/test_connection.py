"""The HTTP connection: keep-alive, pipelining, caps and deadlines; the parts of uvicorn it stands on."""

import contextlib
import inspect
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fusebit_platform.gateway.connection import HEAD_SECONDS, Connection
from tests.gateway import web
from tests.gateway.conftest import Platform

SLOW = "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, MS)); return { body: BODY }; };"
HELLO = "module.exports = async (ctx) => ({ body: ctx.path });"


def request_for(
    platform: Platform, path: str = "", *, extra: str = "", name: str = "b/line", method: str = "GET"
) -> bytes:
    target = platform.url(name).split("/v1/")[1]
    return f"{method} /v1/{target}{path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()


def test_the_parts_of_uvicorn_that_are_overridden_are_the_ones_of_this_version() -> None:
    assert uvicorn.__version__ == "0.54.0"
    source = inspect.getsource(httptools_impl)
    for used in (
        "self.pipeline.appendleft((self.cycle, app))",
        "cycle, app = self.pipeline.pop()",
        "self.cycle.message_event.set()",
        "self._start_asgi_task(cycle, app)",
        "self.flow.pause_reading()",
    ):
        assert used in source
    overridden = set(vars(Connection)) & {name for name in dir(HttpToolsProtocol) if not name.startswith("__")}
    assert overridden >= {
        "on_message_begin",
        "on_headers_complete",
        "on_response_complete",
        "_start_asgi_task",
    }


def test_other_paths_go_to_the_application(platform: Platform) -> None:
    url = f"http://127.0.0.1:{platform.port}/v1/account"
    assert web.post(url, data=b"x" * 300_000).json()["size"] == 300_000


def test_a_request_that_comes_again_byte_for_byte_is_answered_like_the_first(platform: Platform) -> None:
    platform.put(
        "b/again", "module.exports = async (ctx) => ({ body: [ctx.method, ctx.path, ctx.headers, ctx.body] });"
    )
    get = request_for(platform, "/x?n=1", name="b/again", extra="X-A: 1\r\n")
    typed = "Content-Type: application/json\r\nContent-Length: 7\r\n"
    post = request_for(platform, "/y", name="b/again", method="POST", extra=typed) + b'{"a":1}'
    traces, bodies = set(), []
    address = ("127.0.0.1", platform.port)
    with socket.create_connection(address, timeout=30) as connection, connection.makefile("rb") as stream:
        for pieces in ([get], [get], [get[:20], get[20:]], [get], [post], [get], [post[:-3], post[-3:]], [get + get]):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.02)  # so that it arrives as a piece of its own
            for _ in range(2 if pieces == [get + get] else 1):
                head = b"".join(iter(stream.readline, b"\r\n")).decode()
                size = int(head.partition("content-length: ")[2].partition("\r")[0])
                method, path, headers, body = json.loads(stream.read(size))
                traces.add(headers.pop("fusebit-trace-id"))
                bodies.append((method, path, headers["x-a"] if method == "GET" else body))
    gets, posts = ("GET", "/x?n=1", "1"), ("POST", "/y", {"a": 1})
    assert bodies == [gets, gets, gets, gets, posts, gets, posts, gets, gets]
    assert len(traces) == 9


def test_pipelined_requests_are_answered_in_order_across_both_ways(platform: Platform) -> None:
    platform.put(
        "b/line",
        SLOW.replace("MS", "ctx.query.ms").replace("BODY", "ctx.path"),
    )
    other = b"GET /v1/other HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = request_for(platform, "/1?ms=80") + other + request_for(platform, "/2?ms=1")
    sent += request_for(platform, "/3?ms=1", extra="Connection: close\r\n")
    answer = platform.raw(sent)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    positions = [answer.index(part) for part in (b'"/1?ms=80"', b"/v1/other", b'"/2?ms=1"', b'"/3?ms=1"')]
    assert positions == sorted(positions)


def test_a_pipelined_body_belongs_to_its_own_request(platform: Platform) -> None:
    platform.put("b/line", "module.exports = async (ctx) => ({ body: ctx.body });")
    typed = "Content-Type: application/json\r\nContent-Length: 7\r\n"
    sent = request_for(platform, extra=typed, method="POST") + b'{"a":1}'
    sent += request_for(platform, extra=typed + "Connection: close\r\n", method="POST") + b'{"a":2}'
    answer = platform.raw(sent)
    assert answer.index(b'{"a":1}') < answer.index(b'{"a":2}')


def test_expect_100_continue_is_answered_before_the_body(platform: Platform) -> None:
    platform.put("b/line", "module.exports = async (ctx) => ({ body: ctx.body });")
    head = "Content-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", platform.port), timeout=5) as connection:
        connection.sendall(request_for(platform, extra=head, method="POST"))
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"a":1}')
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.endswith(b'{"a":1}')


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("".join(f"X-{n}: 1\r\n" for n in range(200)), 431),
        ("X-Long: " + "x" * 70_000 + "\r\n", 431),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        ("X-Folded: a\r\n b\r\n", 400),
        ("Bad Name: 1\r\n", 400),
        ("X-Nul: a\0b\r\n", 400),
    ],
)
def test_an_unclear_or_oversized_head_is_refused_and_the_connection_closed(
    platform: Platform, extra: str, status: int
) -> None:
    platform.put("b/line", HELLO)
    answer = platform.raw(request_for(platform, extra=extra))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_target_that_is_too_long_is_414(platform: Platform) -> None:
    assert platform.raw(request_for(platform, "/" + "x" * 40_000)).startswith(b"HTTP/1.1 414 ")


def test_an_endless_header_is_refused_before_it_ends(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Endless: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                connection.sendall(b"x" * 8192)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.gate  # long: ten seconds is what a head may take
def test_a_slow_head_is_closed_while_others_are_served(platform: Platform) -> None:
    url = platform.put("b/line", HELLO)
    slow = [socket.create_connection(("127.0.0.1", platform.port), timeout=20) for _ in range(50)]
    began = time.monotonic()
    for connection in slow:
        connection.sendall(b"GET /v1/run/ HTTP/1.1\r\nX-Slow:")
    while time.monotonic() - began < 2:
        assert web.get(url, timeout=2).status_code == 200
    for connection in slow:
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        connection.close()
    assert time.monotonic() - began < HEAD_SECONDS + 3


def test_http_1_0_closes_the_connection(platform: Platform) -> None:
    platform.put("b/line", HELLO)
    answer = platform.raw(request_for(platform).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b"connection: close" in answer


def test_an_upgrade_is_ignored_and_the_connection_ends(platform: Platform) -> None:
    platform.put("b/line", HELLO)
    extra = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    answer = platform.raw(request_for(platform, extra=extra))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer


def test_a_client_that_leaves_disturbs_nobody(platform: Platform) -> None:
    url = platform.put(
        "b/late",
        SLOW.replace("MS", "200").replace("BODY", "1"),
    )
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", platform.port), timeout=5) as connection:
            connection.sendall(request_for(platform, name="b/late"))
    assert web.get(url).json() == 1


def children_of(pid: int) -> set[int]:
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found |= {int(child) for child in (task / "children").read_text().split()}
    return found | {grandchild for child in found for grandchild in children_of(child)}


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_server_leaves_no_process_and_no_directory_behind(own_platform: Platform, number: int) -> None:
    web.get(own_platform.put("b/hello", HELLO))
    children = children_of(own_platform.process.pid)
    assert len(children) >= 2
    began = time.monotonic()
    code = own_platform.stop(number)
    assert time.monotonic() - began < 4
    assert code == (-9 if number == signal.SIGKILL else 0)
    deadline = time.monotonic() + 2
    temporary = own_platform.path.parent / "temporary"
    while any(temporary.iterdir()) or not all(gone(pid) for pid in children):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_call_under_way_is_answered_while_the_server_drains(own_platform: Platform) -> None:
    own_platform.put(
        "b/line",
        SLOW.replace("MS", "700").replace("BODY", "'done'"),
    )
    with socket.create_connection(("127.0.0.1", own_platform.port), timeout=5) as connection:
        connection.sendall(request_for(own_platform))
        while not own_platform.look_ups():  # the call has to be on its way before the server is told to stop
            continue
        own_platform.process.send_signal(signal.SIGTERM)
        assert connection.recv(65536).endswith(b'"done"')


LARGE = "module.exports = async (ctx) => ({ body: Buffer.alloc(4e6, 'ab').toString(), bodyEncoding: 'latin1' });"


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_slow_clients_of_large_responses_hold_neither_memory_nor_a_worker(own_platform: Platform) -> None:
    platform = own_platform
    platform.put("b/large", LARGE)
    assert len(web.get(platform.url("b/large")).content) == 4_000_000
    before = resident_mib(platform.process.pid)
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(60):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
            client.settimeout(30)
            client.connect(("127.0.0.1", platform.port))
            client.sendall(request_for(platform, name="b/large"))
            slow.append(client)
            assert client.recv(1)
        assert web.get(platform.put("b/quick", HELLO)).status_code == 200
        assert resident_mib(platform.process.pid) - before < 150  # 60 times 4 MB are 229 MiB
        for client in slow[::20]:
            received = 1
            while received < 4_000_000:
                more = client.recv(1_000_000)
                assert more, received
                received += len(more)
    assert platform.stop() == 0


def test_requests_behind_a_large_response_wait_for_its_end(platform: Platform) -> None:
    platform.put("b/large", LARGE)
    platform.put("b/line", HELLO)
    both = request_for(platform, name="b/large") + request_for(platform, "/next", extra="Connection: close\r\n")
    answer = platform.raw(both, wait=20)
    first, _, second = answer.partition(b"ab" * 2_000_000)
    assert first.startswith(b"HTTP/1.1 200")
    assert second.startswith(b"HTTP/1.1 200")
    assert second.endswith(b'"/next"')
