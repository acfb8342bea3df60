"""Decides who may do what: pure functions over actions, resources and statements (contract 3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from fusebit_platform import resources
from fusebit_platform.errors import Unauthorized

MAX_INLINE_STATEMENTS = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry of an allow list."""

    action: str
    resource: str

    def as_json(self) -> dict[str, str]:
        """Return the entry as it appears on the wire."""
        return {"action": self.action, "resource": self.resource}


def action_matches(granted: str, requested: str) -> bool:
    """Tell whether the granted action covers the requested one, segment by segment (contract 3.2)."""
    if granted == requested:
        return True
    have = granted.split(":")
    want = requested.split(":")
    for position, segment in enumerate(want):
        if position >= len(have):
            return False
        if have[position] == "*":
            return True
        if have[position] != segment:
            return False
    return False


def resource_matches(granted: str, requested: str) -> bool:
    """Tell whether the granted resource is a prefix of the requested one, both normalised (contract 3.3)."""
    return resources.normalize(requested).startswith(resources.normalize(granted))


def permits(access: Iterable[Statement], action: str, resource: str) -> bool:
    """Tell whether any statement allows `action` on `resource`."""
    return any(
        action_matches(statement.action, action) and resource_matches(statement.resource, resource)
        for statement in access
    )


def inline_statements(claim: object) -> tuple[Statement, ...]:
    """Read the inline permissions of a token; raise Unauthorized when an entry is not usable (contract 3.5).

    A claim without an allow list means no permission at all, never all of them.
    """
    allow = claim.get("allow") if isinstance(claim, dict) else None
    if not allow:
        return ()
    if not isinstance(allow, list) or len(allow) > MAX_INLINE_STATEMENTS:
        raise Unauthorized
    return tuple(_inline_statement(entry) for entry in allow)


def _inline_statement(entry: object) -> Statement:
    action = entry.get("action") if isinstance(entry, dict) else None
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(action, str) or not isinstance(resource, str) or not action or not resource:
        raise Unauthorized
    return Statement(action, resource)
