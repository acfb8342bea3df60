"""Decides about every connection that a function asks for, makes it, and counts the decisions."""

import asyncio
import logging
from collections import Counter
from pathlib import Path

from fusebit_platform.egress import addresses
from fusebit_platform.egress.first_bytes import Anything, OwnApi, Web
from fusebit_platform.egress.outlet import CHUNK, CONNECTIONS, Outlet, Streams, Way
from fusebit_platform.egress.resolving import Resolver, Unreachable
from fusebit_platform.egress.rules import Denied, Operator, Target

CONNECT_SECONDS = 10.0
logger = logging.getLogger(__name__)


class Proxy:
    """The host's side of every sandbox's way out."""

    def __init__(self, operator: Operator) -> None:
        self.counts: Counter[str] = Counter()  # "allowed", "denied", "unreachable"
        self._operator = operator
        self._resolver = Resolver()

    async def open(self, directory: Path, owner_id: int | None) -> Outlet:
        """Return the way out of the sandbox that is about to live in `directory`."""
        outlet = Outlet(self.connect)
        await outlet.listen(directory, owner_id)
        return outlet

    def close(self) -> None:
        """Let go of what the proxy holds beside its outlets."""
        self._resolver.close()

    async def connect(self, outlet: Outlet, target: Target) -> Way:
        """Return a connection to the target and what may be said on it; raise Denied or Unreachable."""
        boundary = outlet.owner.boundary if outlet.owner else ""
        try:
            found = await self._allowed(outlet, boundary, target)
            streams = await _first(found, target)
        except Denied as denied:
            self._note("denied", boundary, target, str(denied))
            raise
        except Unreachable as unreachable:
            self._note("unreachable", boundary, target, unreachable.code)
            raise
        self._note("allowed", boundary, target, found[0])
        return Way(streams, self._gate(target), "" if self._operator.is_own(target) else target.host)

    async def _allowed(self, outlet: Outlet, boundary: str, target: Target) -> list[str]:
        """Return the addresses that may be connected to: exactly those that were looked at."""
        if outlet.owner is None:
            raise Denied("nothing runs here yet.")
        if outlet.connections > CONNECTIONS:
            raise Denied(f"at most {CONNECTIONS} connections may be open at once.")
        if self._operator.is_own(target):
            return await self._resolver.addresses(boundary, target)
        self._operator.check_port(target)
        outlet.rules.check(target.host)
        found = await self._resolver.addresses(boundary, target)
        outlet.rules.check_addresses(target.host, found)
        public = addresses.checked(found, self._operator.networks)
        if not public:
            raise Denied(f"{target.host} is not, or not only, on the public internet.")
        return public

    def _gate(self, target: Target) -> Anything:
        if not self._operator.is_own(target):
            return Web(target.port)
        return Anything() if self._operator.own_encrypted else OwnApi()

    def _note(self, decision: str, boundary: str, target: Target, why: str) -> None:
        self.counts[decision] += 1
        logger.info("Egress %s: %s to %s port %d: %s", decision, boundary, target.host, target.port, why)


async def _first(found: list[str], target: Target) -> Streams:
    """Connect to the first address that answers; never to a name, which might mean something else by now."""
    trouble = Unreachable("ECONNREFUSED", f"connect ECONNREFUSED {target.host}:{target.port}")
    for address in found[:4]:
        try:
            return await asyncio.wait_for(
                asyncio.open_connection(address, target.port, limit=CHUNK), CONNECT_SECONDS / min(len(found), 4)
            )
        except TimeoutError:
            trouble = Unreachable("ETIMEDOUT", f"connect ETIMEDOUT {target.host}:{target.port}")
        except OSError:
            continue
    raise trouble
