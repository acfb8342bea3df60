"""What the runtime needs of the way out of a sandbox; the egress proxy provides it."""

from pathlib import Path
from typing import Protocol


class Owner(Protocol):
    """The process whose way out it is."""

    @property
    def boundary(self) -> str: ...
    @property
    def calls_in_flight(self) -> int: ...
    def egress_refused(self, message: str) -> None: ...


class Outlet(Protocol):
    """The way out of one sandbox."""

    refusals: int  # so far

    def bind(self, owner: Owner) -> None: ...
    def restrict(self, allow: tuple[str, ...], deny: tuple[str, ...]) -> None: ...
    def renew(self) -> None: ...
    def close(self) -> None: ...


class Egress(Protocol):
    """Opens the ways out."""

    async def open(self, directory: Path, owner_id: int | None) -> Outlet:
        """Return a way out whose socket is `egress` in the directory; only `owner_id` may use it."""
