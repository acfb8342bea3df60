"""What a person may do at Fusebit: the sum of their memberships, each by its role, and nothing else.

Whoever adds, changes or removes a membership calls `provisioning.look_again(user=...)` in the same transaction.
"""

from collections.abc import Iterable

from django.contrib.auth.models import User

from fusebit_bridge import door
from tenants import selectors
from tenants.models import Membership, Role

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
