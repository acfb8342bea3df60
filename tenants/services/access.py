"""What a user at Fusebit may do: a person's the sum of their memberships, each by its role; a call token's one thing.

Whoever adds, changes or removes a membership calls `provisioning.look_again(user=...)` in the same transaction.
"""

from collections.abc import Iterable

from django.contrib.auth.models import User

from fusebit_bridge import door
from tenants import selectors
from tenants.models import CallToken, FusebitUser, Membership, Role, Tenant

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
    """Return exactly what the person is to be granted: nothing when their account is closed or the tenant suspended."""
    memberships = selectors.memberships_of(user).filter(tenant__suspended_at=None)
    return of_memberships(memberships) if user.is_active else frozenset()


def desired_of(row: FusebitUser) -> frozenset[door.Statement]:
    """Return exactly what the user of `row` is to be granted at Fusebit."""
    token = call_token_of(row)
    if token is not None:
        return (
            frozenset()
            if token.function.tenant.suspended_at
            else door.function_access(token.function.tenant.boundary_id, token.function.name)
        )
    return desired(row.user) if row.user else frozenset()


def call_token_of(row: FusebitUser) -> CallToken | None:
    """Return the call token whose right the user of `row` is; None for a person's."""
    return CallToken.objects.filter(fusebit_user=row).select_related("function__tenant").first()


def names_of(row: FusebitUser) -> door.Names:
    """Return what the user is called at Fusebit: a person by name, a call token by what it calls."""
    if row.user is not None:
        return door.Names(row.user.first_name, row.user.last_name, row.user.email)
    token = call_token_of(row)
    return door.Names("Call token", token.name) if token else door.Names()


def tenants_of(row: FusebitUser) -> list[Tenant]:
    """Return the tenants that the user at Fusebit has to do with."""
    if row.user is not None:
        return [membership.tenant for membership in selectors.memberships_of(row.user)]
    token = call_token_of(row)
    return [token.function.tenant] if token else []


def as_json(statements: Iterable[door.Statement]) -> list[dict[str, str]]:
    """Return the statements as rows keep them."""
    return [statement.as_json() for statement in sorted(set(statements))]


def from_json(entries: Iterable[dict[str, str]]) -> frozenset[door.Statement]:
    """Return the statements that a row keeps."""
    return frozenset(door.Statement(entry["action"], entry["resource"]) for entry in entries)
