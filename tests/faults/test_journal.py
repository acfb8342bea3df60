"""What ran is still known after the platform was killed, and a reader is cut when it may no longer read."""

import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.embedded import EmbeddedFusebit, text_function
from tests.escape.test_kills import children
from tests.processes import until

PATIENCE_S = 30
BOUNDARY = "kept"
LOST_S = float(os.environ.get("LOST_SECONDS", "3"))  # 1 on a machine that does nothing else
LOAD_S = LOST_S + 2


@pytest.fixture
def server():
    server = EmbeddedFusebit().start()
    yield server
    server.stop()


def published(server: EmbeddedFusebit) -> str:
    answer = server.request("PUT", server.f(BOUNDARY, "hello"), json=text_function())
    assert answer.status_code == 200
    return server.run_path(BOUNDARY, "hello")


def test_a_killed_platform_knows_every_run_but_those_of_the_last_second(server):
    path = published(server)
    ended: list[tuple[float, str]] = []
    begun = time.monotonic()
    while time.monotonic() < begun + LOAD_S:
        answer = server.request("GET", path, token=None)
        ended.append((time.monotonic(), answer.headers["fusebit-trace-id"]))
        time.sleep(0.003)  # so that a boundary keeps them all
    killed = time.monotonic()
    server.process.kill()
    server.stop(forget=False)
    server.start()
    expected = {trace for moment, trace in ended if moment < killed - LOST_S}
    found, after = set(), "0"
    while True:
        page = server.request("GET", f"{server.b(BOUNDARY)}/run?after={after}&count=100").json()
        found |= {run["traceId"] for run in page["items"]}
        if not page["items"]:
            break
        after = page["next"]
    assert expected
    assert expected <= found


def writers(server: EmbeddedFusebit) -> list[int]:
    """Return the processes that write the platform's journal."""
    assert server.process is not None
    own = [(pid, Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in children(server.process.pid)]
    return [pid for pid, command in own if b"fusebit_platform.scribe" in command]


def test_a_killed_writer_loses_nothing(server):
    path = published(server)
    traces: set[str] = set()
    killed: set[int] = set()
    for number in range(60):
        if number in (20, 40):
            until(lambda: set(writers(server)) - killed, "a writer")
            for pid in set(writers(server)) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        traces.add(server.request("GET", path, token=None).headers["fusebit-trace-id"])
    assert len(killed) == 2

    def found() -> bool:
        page = server.request("GET", f"{server.b(BOUNDARY)}/run?count=100").json()
        return traces <= {run["traceId"] for run in page["items"]}

    until(found, "all runs")


def scheduled(server: EmbeddedFusebit, boundary: str) -> None:
    body = text_function() | {"schedule": {"cron": "* * * * * *"}}
    assert server.request("PUT", server.f(boundary, "tick"), json=body).status_code == 200


def test_schedules_of_a_suspended_boundary_stop_and_go_on_again(server):
    for boundary in ("stopped", "running"):
        scheduled(server, boundary)

    def ran(boundary: str) -> list[dict]:
        runs = server.request("GET", f"{server.b(boundary)}/run?count=100").json()["items"]
        return [run for run in runs if run["kind"] == "cron" and run["status"] == 200]

    def wait_for(boundary: str, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while len(ran(boundary)) < count:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    wait_for("stopped", 1)
    policy = f"{server.b('stopped')}/policy"
    assert server.request("PATCH", policy, json={"suspended": True}).status_code == 200
    wait_for("running", len(ran("running")) + 2)
    before = len(ran("stopped"))
    wait_for("running", len(ran("running")) + 3)
    assert len(ran("stopped")) == before
    assert server.request("PATCH", policy, json={"suspended": False}).status_code == 200
    wait_for("stopped", before + 1)


@pytest.fixture
def reader(server):
    published(server)
    return server.add_user(("function:get-log", "/"))


def test_two_hundred_readers_get_one_event_each_and_leave_the_management_api_free(server, reader):
    head = f"GET {server.b(BOUNDARY)}/event?token={reader.token()} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        readers = []
        for _ in range(200):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S))
            connection.sendall(head.encode())
            readers.append(connection)
        for connection in readers:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        threads = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
        assert threads < 60
        assert server.request("GET", f"{server.b(BOUNDARY)}/function").status_code == 200
        assert server.request("GET", server.run_path(BOUNDARY, "hello"), token=None).status_code == 200
        for connection in readers:
            seen = b""
            while b"event: run" not in seen:
                seen += connection.recv(4096)


def last_event(lines) -> dict[str, str]:
    """Read to the end of a stream; return its last event."""
    event, latest = {}, {}
    for line in lines:
        if not line and event:
            event, latest = {}, event
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
    return latest


def test_a_reader_who_may_no_longer_read_is_cut_within_moments(server, reader):
    url = f"{server.base_url}{server.b(BOUNDARY)}/event?token={reader.token()}"
    with requests.get(url, stream=True, timeout=PATIENCE_S) as response:
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == ": subscribed"
        assert server.request("DELETE", f"{server.a}/user/{reader.id}").status_code == 204
        end = last_event(lines)
    assert (end["event"], json.loads(end["data"])) == ("end", {"reason": "Unauthorized"})


def test_streams_end_politely_when_the_platform_stops(server, reader):
    url = f"{server.base_url}{server.b(BOUNDARY)}/event?token={reader.token()}"
    with requests.get(url, stream=True, timeout=PATIENCE_S) as response:
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == ": subscribed"
        server.process.terminate()
        end = last_event(lines)
    assert (end["event"], json.loads(end["data"])) == ("end", {"reason": "closing"})
