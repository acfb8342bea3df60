"""What a user at Fusebit may do: a person's the sum of their memberships, each by its role; a call token's one thing.

Whoever adds, changes or removes a membership calls `provisioning.look_again(user=...)` in the same transaction.
"""

from collections.abc import Iterable

from django.contrib.auth.models import User

from fusebit_bridge import door
from tenants import selectors
from tenants.models import CallToken, FusebitUser, Membership, Role

# What each role is granted on the boundary of its tenant; Fusebit itself enforces it.
ACTIONS: dict[str, tuple[str, ...]] = {
    Role.OWNER: ("function:*",),
    Role.DEVELOPER: ("function:*",),
    Role.VIEWER: ("function:get", "function:get-log", "function:execute"),
}


def of_memberships(memberships: Iterable[Membership]) -> frozenset[door.Statement]:
    """Return the union of what the memberships grant; their tenants must be loaded."""
    statements: set[door.Statement] = set()
    for membership in memberships:
        for action in ACTIONS[membership.role]:
            statements |= door.boundary_access([membership.tenant.boundary_id], action)
    return frozenset(statements)


def desired(user: User) -> frozenset[door.Statement]:
    """Return exactly what the person is to be granted; nothing when their account is closed."""
    return of_memberships(selectors.memberships_of(user)) if user.is_active else frozenset()


def desired_of(row: FusebitUser) -> frozenset[door.Statement]:
    """Return exactly what the user of `row` is to be granted at Fusebit."""
    token = call_token_of(row)
    if token is not None:
        return door.function_access(token.function.tenant.boundary_id, token.function.name)
    return desired(row.user) if row.user else frozenset()


def call_token_of(row: FusebitUser) -> CallToken | None:
    """Return the call token whose right the user of `row` is; None for a person's."""
    return CallToken.objects.filter(fusebit_user=row).select_related("function__tenant").first()


def names_of(row: FusebitUser) -> dict[str, str]:
    """Return what the user is called at Fusebit: a person by name, a call token by what it calls."""
    if row.user is not None:
        return {"first_name": row.user.first_name, "last_name": row.user.last_name, "email": row.user.email}
    token = call_token_of(row)
    return {"first_name": "Call token", "last_name": token.name} if token else {}
