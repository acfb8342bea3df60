"""The proxy is what keeps functions from the inside: without a rule they get there (EG-01, EG-06, EG-09, EG-11)."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fusebit_platform.egress import addresses, outlet
from fusebit_platform.egress.proxy import Proxy
from fusebit_platform.egress.rules import Operator, Target
from fusebit_platform.runtime.recipe import Recipe
from tests.runtime.conftest import Functions

EVERYWHERE = addresses.networks("0.0.0.0/0,::/0")
REACH = """const net = require('net');
module.exports = async (ctx) => {
  const open = [], refused = [];
  await Promise.all(Array.from({ length: ctx.count ?? 1 }, () => new Promise((done) => {
    const socket = net.connect(ctx.port, ctx.host);
    socket.on('connect', () => socket.write('GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n'));
    socket.on('data', (chunk) => { open.push(chunk.length); done(); });
    socket.on('error', (error) => { refused.push(error.code); done(); });
    socket.on('close', () => done());
  })));
  return { body: { open: open.length, refused } };
};"""


@pytest.fixture(scope="module")
def inside() -> Iterator[int]:
    """A server of the host's own that answers everybody."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            kept.append(client)
            client.sendall(b"inside")

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for client in kept:
        client.close()


def reached(recipe: Recipe, operator: Operator, **ctx: Any) -> Any:
    proxy = Proxy(operator)
    functions = Functions(recipe, spares=0, egress=proxy)
    try:
        return functions.body(functions.build(REACH, timeout_s=15), **ctx)
    finally:
        functions.close()
        proxy.close()


@pytest.mark.parametrize(("host", "ports", "networks"), [("127.0.0.1", True, False), ("localhost", False, True)])
def test_eg_01_eg_06_the_inside_is_reached_when_address_and_port_are_both_opened_and_not_before(
    recipe: Recipe, inside: int, host: str, ports: bool, networks: bool
) -> None:
    opened = frozenset({inside})
    open_ports = {"ports": opened} if ports else {}
    open_networks = {"networks": EVERYWHERE} if networks else {}
    half = Operator(**open_ports, **open_networks)  # type: ignore[arg-type]
    assert reached(recipe, half, host=host, port=inside) == {"open": 0, "refused": ["EGRESS_DENIED"]}
    whole = Operator(ports=opened, networks=EVERYWHERE)
    assert reached(recipe, whole, host=host, port=inside) == {"open": 1, "refused": []}


def test_eg_09_eg_11_the_number_of_connections_is_bounded(
    recipe: Recipe, inside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Operator(ports=frozenset({inside}), networks=EVERYWHERE)
    bounded = reached(recipe, whole, host="127.0.0.1", port=inside, count=100)
    assert bounded["open"] <= outlet.CONNECTIONS
    assert bounded["refused"]
    monkeypatch.setattr("fusebit_platform.egress.proxy.CONNECTIONS", 1000)
    assert reached(recipe, whole, host="127.0.0.1", port=inside, count=100) == {"open": 100, "refused": []}


def test_eg_04_a_name_that_means_something_else_the_second_time_is_not_asked_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["8.8.8.8"], ["127.0.0.1"]]
    connected: list[str] = []

    def resolve(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in answers.pop(0)]

    async def connect(address: str, *_: Any, **__: Any) -> None:
        connected.append(address)
        raise OSError

    class Owner:
        boundary = "b"
        calls_in_flight = 1

        def egress_refused(self, message: str) -> None:
            """Nobody listens."""

    async def attempt() -> None:
        proxy = Proxy(Operator())
        way = outlet.Outlet(proxy.connect)
        way.bind(Owner())
        try:
            with pytest.raises(Exception, match="ECONNREFUSED"):
                await proxy.connect(way, Target("rebound.example", 80))
        finally:
            proxy.close()

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    asyncio.run(attempt())
    assert connected == ["8.8.8.8"]
