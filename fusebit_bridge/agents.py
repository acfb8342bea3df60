"""Whose token it is and what that agent may do, as Fusebit itself says."""

from collections.abc import Iterable
from dataclasses import dataclass

from fusebit_bridge import tokens
from fusebit_bridge.client import Requestor
from fusebit_bridge.permissions import Statement, allows, parse
from fusebit_bridge.resources import Account, ClientId, UserId
from fusebit_bridge.tokens import TokenSource


@dataclass(frozen=True)
class Agent:
    """Who a token speaks for at Fusebit, and everything that agent may do."""

    id: str
    access: frozenset[Statement]

    def may(self, action: str, resource: str) -> bool:
        """Tell whether the agent holds this."""
        return allows(self.access, Statement(action, resource))

    def lacks(self, wanted: Iterable[Statement]) -> tuple[Statement, ...]:
        """Return what of `wanted` the agent does not hold."""
        return tuple(statement for statement in sorted(wanted) if not allows(self.access, statement))


def ask_me(requestor: Requestor, source: TokenSource, account: Account) -> Agent:
    """Ask Fusebit who we are and what we may do (contract 4.6); raise Refused when it does not know the key."""
    reply = requestor.ask("GET", account.me(), token=tokens.ask_me(source))
    agent: Agent = reply.read(lambda members: Agent(_agent_id(members["id"]), parse(members.get("access"))))
    return agent


def _agent_id(value: str) -> str:
    if not ClientId.pattern.fullmatch(value) and not UserId.pattern.fullmatch(value):
        raise ValueError("neither a client nor a user")
    return value
