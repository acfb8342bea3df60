"""A function is replaced under its callers: they see the old version or the new one, and nothing else."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.bench.securing import alternate
from tests.embedded import EmbeddedFusebit, text_function

CALLERS = 100
REPLACEMENTS = 15


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedFusebit]:
    running = EmbeddedFusebit().start()
    yield running
    running.stop()


def test_a_hundred_callers_see_only_200_while_a_function_is_replaced(server: EmbeddedFusebit) -> None:
    path = server.f("replacing", "f")
    assert server.request("PUT", path, json=text_function("v0")).status_code == 200
    enough = Event()

    def call() -> set[tuple[int, bytes]]:
        seen = set()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not enough.is_set():
            connection.request("GET", server.run_path("replacing", "f"))
            answer = connection.getresponse()
            seen.add((answer.status, answer.read()))
        connection.close()
        return seen

    with ThreadPoolExecutor(CALLERS) as threads:
        calls = [threads.submit(call) for _ in range(CALLERS)]
        try:
            for number in range(1, REPLACEMENTS + 1):
                assert server.request("PUT", path, json=text_function(f"v{number}")).status_code == 200
                newest = server.request("GET", server.run_path("replacing", "f"), token=None)
                assert (newest.status_code, newest.json()) == (200, f"v{number}")
        finally:
            enough.set()
        seen = set().union(*(done.result() for done in calls))
    assert {status for status, _body in seen} == {200}
    assert {body for _status, body in seen} <= {f'"v{number}"'.encode() for number in range(REPLACEMENTS + 1)}


def test_securing_and_opening_a_function_holds_for_the_very_next_call(server: EmbeddedFusebit) -> None:
    assert alternate(server, "securing", rounds=100) == 0
