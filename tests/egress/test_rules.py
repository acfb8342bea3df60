"""Which hosts and addresses functions may reach, and what may be said there (EG-01 to EG-06)."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from fusebit_platform.egress import addresses, rules
from fusebit_platform.egress.first_bytes import OwnApi, Web
from fusebit_platform.egress.outlet import Outlet
from fusebit_platform.egress.proxy import Proxy
from fusebit_platform.egress.rules import Denied, Operator, Rules, Target


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1",
        "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1",
        "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert addresses.checked([address], ()) == []


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_may_be_reached(address: str) -> None:
    assert addresses.checked([address], ()) == [address]


def test_one_private_record_among_public_ones_refuses_the_host() -> None:
    assert addresses.checked(["8.8.8.8", "10.0.0.1"], ()) == []


def test_an_operator_may_open_a_network() -> None:
    allowed = addresses.networks("10.0.0.0/8, fd00::/8")
    assert addresses.checked(["10.0.0.1"], allowed) == ["10.0.0.1"]
    assert addresses.checked(["fd00::1"], allowed) == ["fd00::1"]
    assert addresses.checked(["192.168.0.1"], allowed) == []
    with pytest.raises(ValueError, match="nonsense"):
        addresses.networks("nonsense")


def test_this_machines_own_addresses_are_known() -> None:
    assert addresses.is_own(addresses.ip_address("127.0.0.1"))
    assert not addresses.is_own(addresses.ip_address("8.8.8.8"))


@pytest.mark.parametrize(
    ("allow", "deny", "host", "may"),
    [
        ([], [], "a.example", True),
        (["a.example"], [], "a.example", True),
        (["a.example"], [], "b.a.example", False),
        (["*.example"], [], "a.b.example", True),
        (["*.example"], [], "example", False),
        (["*.example"], [], "badexample", False),
        ([], ["*.example"], "a.example", False),
        (["*.example"], ["a.example"], "a.example", False),
        (["A.Example."], [], "a.example", True),
        ([], ["*"], "a.example", False),
        (["*"], ["b.example"], "a.example", True),
        ([], ["8.8.0.0/16"], "8.8.4.4", False),
        ([], ["8.8.0.0/16"], "8.9.4.4", True),
        ([], ["2001:4860::/32"], "2001:4860:4860::8888", False),
        (["8.8.8.8"], [], "8.8.8.8", True),
        (["8.8.0.0/16"], [], "a.example", False),
    ],
)
def test_a_boundary_allows_and_denies_hosts(allow: list[str], deny: list[str], host: str, may: bool) -> None:
    boundary = Rules(allow=tuple(allow), deny=tuple(deny))
    if may:
        boundary.check(host)
    else:
        with pytest.raises(Denied, match=host):
            boundary.check(host)


def test_a_denied_network_holds_for_the_names_of_its_addresses() -> None:
    boundary = Rules(deny=("8.8.0.0/16", "a.example"))
    boundary.check("dns.example")
    boundary.check_addresses("dns.example", ["9.9.9.9", "2001:4860::1"])
    with pytest.raises(Denied, match="stands for an address"):
        boundary.check_addresses("dns.example", ["9.9.9.9", "8.8.8.8"])


@pytest.mark.parametrize(
    ("head", "target"),
    [
        (b"CONNECT A.Example.:443 HTTP/1.1\r\n\r\n", Target("a.example", 443)),
        (b"CONNECT [::1]:80 HTTP/1.1\r\n\r\n", Target("::1", 80)),
        (b"CONNECT 127.1:80 HTTP/1.1\r\n\r\n", Target("127.1", 80)),
    ],
)
def test_a_target_is_read(head: bytes, target: Target) -> None:
    assert rules.read_target(head) == target


@pytest.mark.parametrize(
    "head",
    [
        b"", b"GET / HTTP/1.1\r\n\r\n", b"CONNECT a HTTP/1.1\r\n\r\n", b"CONNECT a:0 HTTP/1.1\r\n\r\n",
        b"CONNECT a:65536 HTTP/1.1\r\n\r\n", b"CONNECT a b:80 HTTP/1.1\r\n\r\n", b"CONNECT a\0:80 HTTP/1.1\r\n\r\n",
        b"CONNECT \xe2\x91\xa0:80 HTTP/1.1\r\n\r\n", b"CONNECT -:80 HTTP/1.1\r\n\r\n",
        b"CONNECT u@a:80 HTTP/1.1\r\n\r\n", b"CONNECT [a]:80 HTTP/1.1\r\n\r\n", b"\xff" * 100,
    ],
)  # fmt: skip
def test_nonsense_is_no_target(head: bytes) -> None:
    with pytest.raises(Denied):
        rules.read_target(head)


OWN = Target("localhost", 3001)


class Recipient:
    boundary = "sub/b"
    calls_in_flight = 1

    def egress_refused(self, message: str) -> None:
        """Nobody listens here."""


def asked(target: Target, found: list[str], monkeypatch: pytest.MonkeyPatch, **operator: Any) -> list[str]:
    """Return the addresses that may be connected to when names resolve to `found`."""

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    async def ask() -> list[str]:
        proxy = Proxy(Operator(own=OWN, **operator))
        outlet = Outlet(proxy.connect)
        outlet.bind(Recipient())
        try:
            return await proxy._allowed(outlet, "sub/b", target)
        finally:
            proxy.close()

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        return asyncio.run(ask())


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(Target("a.example", 443), ["8.8.8.8", "8.8.4.4"], monkeypatch) == ["8.8.8.8", "8.8.4.4"]


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "::1"], ["169.254.169.254"]])
def test_a_name_that_means_something_inside_is_denied(monkeypatch: pytest.MonkeyPatch, found: list[str]) -> None:
    with pytest.raises(Denied, match="public internet"):
        asked(Target("rebound.example", 443), found, monkeypatch)


@pytest.mark.parametrize("port", [22, 25, 587, 3306, 5432, 6379, 8080])
def test_only_the_webs_ports_are_open(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    with pytest.raises(Denied, match=f"port {port}"):
        asked(Target("a.example", port), ["8.8.8.8"], monkeypatch)


def test_the_platforms_own_api_is_the_one_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(OWN, ["127.0.0.1"], monkeypatch) == ["127.0.0.1"]
    for other in (Target("localhost", 80), Target("127.0.0.1", 80)):
        with pytest.raises(Denied):
            asked(other, ["127.0.0.1"], monkeypatch)


@pytest.mark.parametrize(
    ("gate", "chunk"),
    [
        (lambda: Web(443), b"GET / HTTP/1.1\r\n\r\n"),
        (lambda: Web(443), b"SSH-2.0-x\r\n"),
        (lambda: Web(80), b"\x16\x03\x01"),
        (lambda: Web(80), b"EHLO\r\n"),
        (OwnApi, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET /v1/metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET /V1/Metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET /v1/../metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET /v1/%2E%2e/metrics HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET http://elsewhere/v1/x HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"CONNECT a:80 HTTP/1.1\r\nhost: x\r\n\r\n"),
        (OwnApi, b"GET /v1/x HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
        (OwnApi, b"\x16\x03\x01"),
        (OwnApi, b"GET /v1/a HTTP/1.1\r\nhost: x\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n"),
    ],
)
def test_what_may_not_be_said_is_refused(gate: Callable[[], Web | OwnApi], chunk: bytes) -> None:
    with pytest.raises(Denied):
        gate().pass_on(chunk)


def test_requests_to_the_own_api_pass_however_they_are_cut() -> None:
    request = b"POST /v1/a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
    for size in (1, 7, 40, 1000):
        gate = OwnApi()
        stream = request * 3
        assert b"".join(gate.pass_on(stream[at : at + size]) for at in range(0, len(stream), size)) == stream


def test_nothing_of_a_head_goes_out_before_it_is_judged() -> None:
    gate = OwnApi()
    assert gate.pass_on(b"GET /admin HTTP/1.1\r\n") == b""
    with pytest.raises(Denied):
        gate.pass_on(b"host: x\r\n\r\n")
