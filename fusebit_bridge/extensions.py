"""What this Fusebit offers beyond the contract, and how its client uses that."""

from dataclasses import dataclass, field
from typing import Any

from fusebit_bridge import connection, tokens
from fusebit_bridge.client import Limits
from fusebit_bridge.errors import Missing, Refused


@dataclass(frozen=True)
class Extensions:
    """The names of what is there; `sandbox` is empty where Fusebit does not report it."""

    names: frozenset[str] = frozenset()
    sandbox: dict[str, Any] = field(default_factory=dict)


def ask() -> Extensions:
    """Ask Fusebit; a plain one has none and says 404. Raise what keeps it from answering."""
    base_url = connection.imported().base_url
    reply = connection.requestor(base_url).send(
        "GET", f"{base_url}/v1/extensions", headers=(), limits=Limits(seconds=5)
    )
    if reply.status in {403, 404}:
        return Extensions()
    names, sandbox = reply.read(
        lambda members: (frozenset(map(str, members["extensions"])), dict(members.get("sandbox") or {}))
    )
    return Extensions(names, sandbox)


def set_suspended(boundary_id: str, *, suspended: bool) -> bool:
    """Have all runs of a boundary refused, or not any more; False where Fusebit has no policies.

    Raise LacksPolicy, which names the permission, when the client may not.
    """
    if "policy" not in ask().names:
        return False
    client = connection.imported()
    boundary = connection.subscription_of(client).boundary(boundary_id)
    token = tokens.keep_policy(connection.client_source(client), boundary)
    try:
        connection.requestor(client.base_url).ask(
            "PATCH", boundary.policy(), token=token, body={"suspended": suspended}
        )
    except Refused as error:
        detail = f"the client lacks policy:update on {boundary.policy().resource}"
        raise LacksPolicy(detail=detail, reference_id=error.reference_id) from None
    except Missing:
        return False
    return True


class LacksPolicy(Refused):
    """The client may not change policies."""

    code = "grants"
