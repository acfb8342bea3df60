"""What a boundary, and the operator of the whole platform, allow functions to connect to; no input or output here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from fusebit_platform.egress.addresses import Network

WEB_PORTS = frozenset({80, 443})
MAX_HOST = 253
HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")
CONNECT = re.compile(rb"CONNECT (?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]{1,253})):([0-9]{1,5}) HTTP/1\.1\r\n")


class Denied(Exception):
    """A connection is not allowed; says in one safe sentence by which rule."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a function asks for: a host in lower case without a trailing dot, and a port."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The hosts of one boundary: names, `*.suffix`, addresses, networks, or `*` for all.

    No allow list means every public host. Deny wins, and its networks hold for what a name stands for as well.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def check(self, host: str) -> None:
        """Raise Denied unless the host may be reached."""
        if any(matches(pattern, host) for pattern in self.deny):
            raise Denied(f"{host} is on this boundary's list of denied hosts.")
        if self.allow and not any(matches(pattern, host) for pattern in self.allow):
            raise Denied(f"{host} is not on this boundary's list of allowed hosts.")

    def check_addresses(self, host: str, found: Iterable[str]) -> None:
        """Raise Denied when an address that the host stands for is in a denied network."""
        denied = [network for network in map(network_of, self.deny) if network is not None]
        if any(ip_address(address) in network for address in found for network in denied):
            raise Denied(f"{host} stands for an address on this boundary's list of denied hosts.")

    def allows(self, host: str) -> bool:
        """Tell whether the host may be reached."""
        try:
            self.check(host)
        except Denied:
            return False
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    """What holds for every boundary of this platform."""

    ports: frozenset[int] = WEB_PORTS
    networks: tuple[Network, ...] = ()  # reachable although they are not public
    own: Target | None = None  # the platform's own API
    own_encrypted: bool = False

    def is_own(self, target: Target) -> bool:
        """Tell whether the target is the platform's own API, which every function may call (contract 6.3)."""
        return target == self.own

    def check_port(self, target: Target) -> None:
        """Raise Denied unless functions may connect to the port."""
        if target.port not in self.ports:
            ports = ", ".join(str(port) for port in sorted(self.ports))
            raise Denied(f"port {target.port} is not open to functions, which reach the ports {ports} only.")


def matches(pattern: str, host: str) -> bool:
    """Tell whether a host is the pattern's: the same, below it for `*.suffix`, in it for a network, any for `*`."""
    pattern = pattern.lower().rstrip(".")
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    network = network_of(pattern)
    if network is None:
        return host == pattern
    try:
        return ip_address(host) in network
    except ValueError:  # a name, of which only its addresses can be in a network
        return False


@lru_cache(maxsize=1024)
def network_of(pattern: str) -> Network | None:
    """Return the network, or the one address, that a pattern is; None for a pattern of names."""
    try:
        return ip_network(pattern)
    except ValueError:
        return None


def read_target(head: bytes) -> Target:
    """Return what the head of a CONNECT request asks for; raise Denied when it is none."""
    found = CONNECT.match(head)
    if found is None:
        raise Denied("the request could not be read.")
    host = (found.group(1) or found.group(2)).decode().lower().rstrip(".")
    port = int(found.group(3))
    if not host or HOST.fullmatch(host) is None or not 0 < port < 65536:
        raise Denied("this is no host and port.")
    return Target(host, port)


def own_api(base_url: str) -> tuple[Target, bool]:
    """Return host and port of the platform's own base URL, and whether it is encrypted."""
    parts = urlsplit(base_url)
    encrypted = parts.scheme == "https"
    return Target((parts.hostname or "").lower(), parts.port or (443 if encrypted else 80)), encrypted


def ports(text: str) -> frozenset[int]:
    """Read port numbers separated by commas; raise ValueError for anything else."""
    found = frozenset(int(part) for part in text.split(",") if part.strip())
    if not all(0 < port < 65536 for port in found):
        raise ValueError(f"{text!r} is no list of ports")
    return found or WEB_PORTS
