"""What an operator has decided about a boundary: whether it runs, its limits, its hosts, the keys it refuses."""

import json
from collections.abc import Mapping
from typing import Any

from fusebit_platform import generation
from fusebit_platform.errors import Unauthorized
from fusebit_platform.models import BoundaryPolicy
from fusebit_platform.policy import UNRESTRICTED, Policy
from fusebit_platform.services import transactions
from fusebit_platform.services.runs import Boundary, require

LIMITS = ("concurrency", "timeout", "memorySize", "callsPerMinute")
MAX_REMEMBERED = 10_000


class _Remembered:
    """The policies of one generation."""

    def __init__(self) -> None:
        self._generation = -1
        self._policies: dict[tuple[str, str], Policy] = {}

    def of(self, place: tuple[str, str]) -> Policy:
        """Return the policy of a boundary, asking the database once per generation."""
        current = generation.current()
        if current != self._generation or len(self._policies) > MAX_REMEMBERED:
            self._policies, self._generation = {}, current
        kept = self._policies
        if place not in kept:
            row = BoundaryPolicy.objects.filter(subscription_id=place[0], boundary_id=place[1]).first()
            kept[place] = UNRESTRICTED if row is None else _policy(row)
        return kept[place]


_remembered = _Remembered()


def of(subscription_id: str, boundary_id: str) -> Policy:
    """Return what has been decided about a boundary."""
    return _remembered.of((subscription_id, boundary_id))


def refuse_key(*, subscription_id: str, boundary_id: str, kid: str) -> None:
    """Raise Unauthorized when the boundary refuses tokens signed with this key."""
    if kid in of(subscription_id, boundary_id).refused_kids:
        raise Unauthorized


def get(*, boundary: Boundary) -> dict[str, Any]:
    """Return the policy as it is on the wire."""
    require(boundary)
    row = _row(boundary)
    return _as_json(row or BoundaryPolicy())


def update(*, boundary: Boundary, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the members that `changes` names, None by nothing decided; return the whole policy."""
    require(boundary)
    with transactions.change():
        row, _created = BoundaryPolicy.objects.select_for_update().get_or_create(
            subscription_id=boundary.subscription_id, boundary_id=boundary.boundary_id
        )
        if "suspended" in changes:
            row.suspended = bool(changes["suspended"])
        for name in ("limits", "egress"):
            if name in changes:
                setattr(row, name, json.dumps(changes[name] or {}))
        if "keys" in changes:
            row.refused_keys = json.dumps((changes["keys"] or {}).get("refused") or [])
        row.save()
    return _as_json(row)


def _row(boundary: Boundary) -> BoundaryPolicy | None:
    return BoundaryPolicy.objects.filter(
        subscription_id=boundary.subscription_id, boundary_id=boundary.boundary_id
    ).first()


def _policy(row: BoundaryPolicy) -> Policy:
    limits, egress = json.loads(row.limits), json.loads(row.egress)
    return Policy(
        suspended=row.suspended,
        concurrency=limits.get("concurrency"),
        timeout_s=limits.get("timeout"),
        memory_mb=limits.get("memorySize"),
        calls_per_minute=limits.get("callsPerMinute"),
        egress_allow=tuple(egress.get("allow") or ()),
        egress_deny=tuple(egress.get("deny") or ()),
        refused_kids=frozenset(json.loads(row.refused_keys)),
    )


def _as_json(row: BoundaryPolicy) -> dict[str, Any]:
    limits, egress = json.loads(row.limits), json.loads(row.egress)
    return {
        "suspended": row.suspended,
        "limits": {name: limits.get(name) for name in LIMITS},
        "egress": {name: egress.get(name) or [] for name in ("allow", "deny")},
        "keys": {"refused": json.loads(row.refused_keys)},
    }
