"""Users at Fusebit: found by identity, written by one action of a plan, listed page by page.

Every write may be repeated: the identity is unique in the account (contract 3.7), so whatever is doubtful is
settled by searching for it, never by the status of the write.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fusebit_bridge import tokens
from fusebit_bridge.agents import Agent, ask_me
from fusebit_bridge.client import Requestor
from fusebit_bridge.errors import Missing, UnexpectedAnswer
from fusebit_bridge.permissions import Statement, allow_list
from fusebit_bridge.plan import Create, Heal, Observation, Remove, Replace, Seen, Write
from fusebit_bridge.resources import Account, IssuerId, Subscription
from fusebit_bridge.tokens import Token, TokenSource
from fusebit_bridge.users import Identity, RemoteUser

PAGE = "100"
PAGES_AT_MOST = 10_000
_HOLDER = re.compile(r"The (?:user|client) '((?:usr|clt)-[0-9a-f]{1,40})' does not exist")


@dataclass(frozen=True)
class Names:
    """What a new user is called; given once, at creation."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the members that are not empty: Fusebit takes no empty ones (contract 4.5)."""
        named = {"firstName": self.first_name, "lastName": self.last_name, "primaryEmail": self.email}
        return {name: value for name, value in named.items() if value}


class Provisioner:
    """Creates, changes and removes users with the client's own rights; for the worker only."""

    def __init__(self, requestor: Requestor, source: TokenSource, account: Account, subscription: Subscription) -> None:
        self._requestor = requestor
        self._source = source
        self._account = account
        self._subscription = subscription

    def observe(self, identity: Identity, known_id: str = "") -> Observation:
        """Return who has the identity; when nobody has, whether the user `known_id` is still there without it.

        Contract 4.5: an exact, consistent look-up; a 404 names whoever holds the identity without being a user.
        """
        IssuerId(identity.issuer_id)
        try:
            users = self._search(identity)
        except Missing as error:
            return _holder(error)
        if len(users) > 1:
            return Observation(Seen.MANY)
        if users:
            return Observation(Seen.PRESENT, users[0])
        left = self._get(known_id) if known_id else None
        return Observation(Seen.PRESENT, left) if left else Observation(Seen.ABSENT)

    def perform(self, action: Write, names: Names = Names()) -> None:
        """Do one thing; raise what Fusebit says about it, except that what is to go may be gone already."""
        match action:
            case Create():
                self._create(action, names)
            case Replace():
                self._replace(action)
            case Remove(user_id) | Heal(user_id):
                with suppress(Missing):
                    self._requestor.ask("DELETE", self._account.user(user_id), token=self._token("delete"))

    def pages(self, start: str = "") -> Iterator[tuple[list[RemoteUser], str]]:
        """Yield all users of the account by the hundred, each page with the mark at which the next one begins.

        Somebody else's that makes no sense is left out: it must not keep ours from being compared.
        """
        following = start
        for _ in range(PAGES_AT_MOST):
            query = {"count": PAGE, "include": "all", **({"next": following} if following else {})}
            reply = self._requestor.ask("GET", self._account.users(), token=self._token("get"), query=query)
            items, following = reply.read(lambda members: (list(members["items"]), str(members.get("next") or "")))
            users = [user for item in items if (user := _readable(item)) is not None]
            if items and not users:
                raise reply.unexpected("a page of users without a user")
            yield users, following
            if not following:
                return
        raise UnexpectedAnswer("The list of users does not end.")

    def me(self) -> Agent:
        """Return who the client is and everything that it may do; raise Refused when Fusebit does not know it."""
        return ask_me(self._requestor, self._source, self._account)

    def needs(self, access: frozenset[Statement] = frozenset()) -> frozenset[Statement]:
        """Return what the client must hold to keep users, and to grant `access`."""
        verbs: tuple[tokens.Verb, ...] = ("get", "add", "update", "delete")
        return access | {Statement(f"user:{verb}", self._account.users().resource) for verb in verbs}

    def _search(self, identity: Identity) -> list[RemoteUser]:
        query = {"issuerId": identity.issuer_id, "subject": identity.subject, "include": "all"}
        reply = self._requestor.ask("GET", self._account.users(), token=self._token("get"), query=query)
        users: list[RemoteUser] = reply.read(lambda members: [RemoteUser.from_json(item) for item in members["items"]])
        if any(identity not in user.identities for user in users):
            raise reply.unexpected("the search for one identity found something else")
        return users

    def _get(self, user_id: str) -> RemoteUser | None:
        try:
            reply = self._requestor.ask("GET", self._account.user(user_id), token=self._token("get"))
        except Missing:
            return None
        user: RemoteUser = reply.read(RemoteUser.from_json)
        return user

    def _create(self, action: Create, names: Names) -> None:
        body: dict[str, Any] = {"identities": [identity.as_json() for identity in action.identities]}
        body |= {"access": allow_list(action.access), **names.as_json()}
        reply = self._requestor.ask("POST", self._account.users(), token=self._token("add", action.access), body=body)
        reply.read(RemoteUser.from_json)

    def _replace(self, action: Replace) -> None:
        """Write what differs; what is not in a list is taken away (contract 4.5)."""
        body: dict[str, Any] = {}
        if action.identities is not None:
            body["identities"] = [identity.as_json() for identity in action.identities]
        if action.access is not None:
            body["access"] = allow_list(action.access)
        token = self._token("update", action.access or frozenset())
        reply = self._requestor.ask("PATCH", self._account.user(action.user_id), token=token, body=body)
        reply.read(RemoteUser.from_json)

    def _token(self, verb: tokens.Verb, granted: frozenset[Statement] = frozenset()) -> Token:
        return tokens.provision(self._source, self._account, self._subscription, verb, granted)


def _readable(item: Any) -> RemoteUser | None:
    try:
        return RemoteUser.from_json(item)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _holder(error: Missing) -> Observation:
    """Read a 404 to the search: who holds the identity (a quirk of the original, contract 4.5)."""
    found = _HOLDER.search(error.detail)
    if found is None:
        raise UnexpectedAnswer(reference_id=error.reference_id, detail=error.detail) from None
    return Observation(Seen.CLIENT if found[1].startswith("clt-") else Seen.ZOMBIE, agent_id=found[1])
