"""Statements of access, and when one covers another (contract 3.1 to 3.5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CLAIM = "https://fusebit.io/permissions"


def normalized(resource: str) -> str:
    """Return `resource` with a leading and a trailing slash and otherwise as it is (contract 3.3)."""
    led = resource if resource.startswith("/") else f"/{resource}"
    return led if led.endswith("/") else f"{led}/"


@dataclass(frozen=True, order=True)
class Statement:
    """One entry of an allow list; the resource is normalised, so that equal access compares equal."""

    action: str
    resource: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "resource", normalized(self.resource))

    def as_json(self) -> dict[str, str]:
        """Return the entry as it travels."""
        return {"action": self.action, "resource": self.resource}

    def covers(self, wanted: "Statement") -> bool:
        """Tell whether whoever holds this statement also holds `wanted`."""
        return action_covers(self.action, wanted.action) and wanted.resource.startswith(self.resource)


def action_covers(granted: str, wanted: str) -> bool:
    """Match actions segment by segment; a granted `*` ends the walk (contract 3.2)."""
    if granted == wanted:
        return True
    segments = granted.split(":")
    for index, segment in enumerate(wanted.split(":")):
        if index >= len(segments):
            return False
        if segments[index] == "*":
            return True
        if segments[index] != segment:
            return False
    return False


def allows(access: Iterable[Statement], wanted: Statement) -> bool:
    """Tell whether any statement of `access` covers `wanted`."""
    return any(statement.covers(wanted) for statement in access)


def allow_list(statements: Iterable[Statement]) -> dict[str, list[dict[str, str]]]:
    """Return `{"allow": […]}`, sorted, as in a user's access and in the permission claim of a token."""
    return {"allow": [statement.as_json() for statement in sorted(set(statements))]}


def parse(access: Any) -> frozenset[Statement]:
    """Read `{"allow": […]}` or its absence; raise ValueError on anything else."""
    if access is None:
        return frozenset()
    match access:
        case {"allow": [*entries]}:
            return frozenset(_entry(entry) for entry in entries)
    raise ValueError("access is not an object with an allow list")


def _entry(entry: Any) -> Statement:
    match entry:
        case {"action": str(action), "resource": str(resource)}:
            return Statement(action, resource)
    raise ValueError("an entry of the allow list is not an action and a resource")
