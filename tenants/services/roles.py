"""What a member's role, and the standing of the tenant, let them do here; Fusebit enforces the same for itself."""

from dataclasses import dataclass

from tenants.models import Membership, Role
from tenants.services import audit


@dataclass(frozen=True)
class Refusal:
    """Why not: `code` for machines, `message` for the person."""

    code: str
    message: str


SUSPENDED = Refusal("tenant_suspended", "This workspace is suspended. Ask the operator of this site why.")
FOR_OWNERS = Refusal("role_missing", "Only an owner can do this.")
NOT_FOR_VIEWERS = Refusal("role_missing", "A viewer cannot change anything here.")


def can_write(member: Membership) -> bool:
    """Tell whether the member may change the tenant's functions."""
    return member.role != Role.VIEWER and member.tenant.suspended_at is None


def can_manage(member: Membership) -> bool:
    """Tell whether the member may say who belongs to the tenant."""
    return member.role == Role.OWNER and member.tenant.suspended_at is None


def refusal(member: Membership, what: str, *, may_write: bool = False, may_manage: bool = False) -> Refusal | None:
    """Return why the member may not, after writing down that they tried `what`; None when they may."""
    found = _refusal(member, may_write=may_write, may_manage=may_manage)
    if found is not None:
        audit.denied(membership=member, what=what, why=found.code)
    return found


def _refusal(member: Membership, *, may_write: bool, may_manage: bool) -> Refusal | None:
    if (may_write or may_manage) and member.tenant.suspended_at is not None:
        return SUSPENDED
    if may_manage and not can_manage(member):
        return FOR_OWNERS
    return NOT_FOR_VIEWERS if may_write and not can_write(member) else None
