"""Users of Fusebit as they travel: identities and access."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusebit_bridge.permissions import Statement, parse
from fusebit_bridge.resources import UserId


@dataclass(frozen=True)
class Identity:
    """Who a token speaks for: issuer and subject, compared byte for byte."""

    issuer_id: str
    subject: str

    def as_json(self) -> dict[str, str]:
        """Return the identity as it travels (contract 4.5)."""
        return {"issuerId": self.issuer_id, "subject": self.subject}


@dataclass(frozen=True)
class RemoteUser:
    """A user as Fusebit reports it; resources are normalised with a trailing slash."""

    id: str
    identities: tuple[Identity, ...]
    access: frozenset[Statement]

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "RemoteUser":
        """Read a user; raise ValueError, KeyError or TypeError when it is not one."""
        identities = tuple(
            Identity(_text(entry["issuerId"]), _text(entry["subject"])) for entry in members.get("identities", ())
        )
        return cls(_user_id(members["id"]), identities, parse(members.get("access")))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _user_id(value: Any) -> str:
    if not UserId.pattern.fullmatch(_text(value)):
        raise ValueError("not a user id")
    return str(value)
