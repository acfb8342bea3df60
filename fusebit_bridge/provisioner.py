"""Users at Fusebit: found by identity, created with their access in one call, verified by looking again.

Every write may be repeated: the identity is unique in the account (contract 3.7), so whatever is doubtful is
settled by searching for it, never by the status of the write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusebit_bridge import tokens
from fusebit_bridge.answers import Reply
from fusebit_bridge.client import Requestor
from fusebit_bridge.errors import Rejected, UnexpectedAnswer
from fusebit_bridge.permissions import Statement, allow_list, parse
from fusebit_bridge.resources import Account, IssuerId, Subscription, UserId
from fusebit_bridge.tokens import Token, TokenSource


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


class Provisioner:
    """Creates, changes and removes users with the client's own rights; for the worker only."""

    def __init__(self, requestor: Requestor, source: TokenSource, account: Account, subscription: Subscription) -> None:
        self._requestor = requestor
        self._source = source
        self._account = account
        self._subscription = subscription

    def find_user(self, identity: Identity) -> RemoteUser | None:
        """Return the user with that identity, or None; raise Missing when something else but a user holds it.

        Contract 4.5: an exact, consistent look-up that answers with at most one item.
        """
        IssuerId(identity.issuer_id)
        reply = self._requestor.ask(
            "GET",
            self._account.users(),
            token=self._token("get"),
            query={"issuerId": identity.issuer_id, "subject": identity.subject, "include": "all"},
        )
        users = reply.read(lambda members: [RemoteUser.from_json(item) for item in members["items"]])
        if not users:
            return None
        if len(users) > 1 or identity not in users[0].identities:
            raise reply.unexpected("the search for one identity found something else")
        found: RemoteUser = users[0]
        return found

    def add_user(
        self,
        identity: Identity,
        access: frozenset[Statement],
        first_name: str = "",
        last_name: str = "",
        email: str = "",
    ) -> RemoteUser:
        """Create a user with identity and access in one call; raise Rejected when the identity is taken."""
        body: dict[str, Any] = {"identities": [identity.as_json()], "access": allow_list(access)}
        named = {"firstName": first_name, "lastName": last_name, "primaryEmail": email}
        body |= {name: value for name, value in named.items() if value}
        reply = self._requestor.ask("POST", self._account.users(), token=self._token("add", access), body=body)
        return self._user(reply)

    def replace_access(self, user_id: str, access: frozenset[Statement]) -> RemoteUser:
        """Give the user exactly this access; what is not in it is taken away (contract 4.5)."""
        reply = self._requestor.ask(
            "PATCH",
            self._account.user(user_id),
            token=self._token("update", access),
            body={"access": allow_list(access)},
        )
        return self._user(reply)

    def remove_user(self, user_id: str) -> None:
        """Delete the user; raise Missing when there is none."""
        self._requestor.ask("DELETE", self._account.user(user_id), token=self._token("delete"))

    def ensure_user(
        self,
        identity: Identity,
        access: frozenset[Statement],
        first_name: str = "",
        last_name: str = "",
        email: str = "",
    ) -> RemoteUser:
        """Return the one user with this identity and exactly this access, after at most one write and a look.

        Names and e-mail are given once, at creation. Raise UnexpectedAnswer when the write was accepted but
        is not found afterwards; calling again is always safe.
        """
        found = self.find_user(identity)
        if found is not None and found.access == access:
            return found
        if found is not None:
            self.replace_access(found.id, access)
        else:
            try:
                self.add_user(identity, access, first_name, last_name, email)
            except Rejected:  # somebody was faster, or the request is at fault: the search tells which
                if self.find_user(identity) is None:
                    raise
        return self._verified(identity, access)

    def _verified(self, identity: Identity, access: frozenset[Statement]) -> RemoteUser:
        found = self.find_user(identity)
        if found is None or found.access != access:
            state = "is not there" if found is None else f"{found.id} has other access"
            raise UnexpectedAnswer("Fusebit has not kept what it was told.", detail=f"after the write the user {state}")
        return found

    def _user(self, reply: Reply) -> RemoteUser:
        user: RemoteUser = reply.read(RemoteUser.from_json)
        return user

    def _token(self, verb: tokens.Verb, granted: frozenset[Statement] = frozenset()) -> Token:
        return tokens.provision(self._source, self._account, self._subscription, verb, granted)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _user_id(value: Any) -> str:
    if not UserId.pattern.fullmatch(_text(value)):
        raise ValueError("not a user id")
    return str(value)
