"""Which addresses belong to the public internet; everything not known to be public is not."""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and metadata of one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host service of one cloud, on a public-looking address
        "169.254.0.0/16",  # link-local, and metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and metadata of one cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
# Everything outside of 2000::/3 is refused: loopback, link-local, unique local, multicast, mapped, NAT64.
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Tell whether an address may be reached without anybody's special permission."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    inside = address in PUBLIC_V6 and address.scope_id is None
    return inside and not any(address in network for network in NOT_PUBLIC_V6)


def is_own(address: Address) -> bool:
    """Tell whether an address is one of this machine's: only those can be bound."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def networks(text: str) -> tuple[Network, ...]:
    """Read networks separated by commas; raise ValueError naming the one that is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def checked(found: Iterable[str], allowed: tuple[Network, ...]) -> list[str]:
    """Return the addresses when every one of them may be reached; an empty list when a single one may not."""
    addresses = [ip_address(text) for text in found]
    if all(_may_be_reached(address, allowed) for address in addresses):
        return [str(address) for address in addresses]
    return []


def _may_be_reached(address: Address, allowed: tuple[Network, ...]) -> bool:
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return is_public(address) and not is_own(address)
