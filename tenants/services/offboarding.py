"""The end of a tenant: at once nobody comes in and nothing can be read, soon nothing of it is left at Fusebit.

The tenant's row stays, so that its boundary and its name are never used for another, and so do ledger and audit trail.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import (
    ApiToken,
    BoundaryPolicy,
    Case,
    Copy,
    Deployment,
    Function,
    Invitation,
    Membership,
    RunBody,
    State,
    Tenant,
)
from tenants.services import audit, call_tokens, provisioning

AT_ONCE = 20  # tenants of one round


def end(*, tenant: Tenant, actor: User) -> bool:
    """End the tenant for good; False when that was done before.

    Its key is destroyed here and now, so that no copy of its secrets, kept requests and answers can be read any more.
    Its functions are wanted gone; the members keep their access at Fusebit until they are, for they sign for that.
    """
    now = timezone.now()
    with transaction.atomic():
        if not Tenant.objects.filter(pk=tenant.pk, ended_at=None).update(ended_at=now, suspended_at=None):
            return False
        _make_unreadable(tenant)
        Case.objects.filter(function__tenant=tenant).delete()
        ApiToken.objects.filter(tenant=tenant, revoked_at=None).update(revoked_at=now)
        Invitation.objects.filter(tenant=tenant, used_at=None, revoked_at=None).update(revoked_at=now)
        functions = Function.objects.filter(tenant=tenant, deleted_at=None)
        for function in functions:
            call_tokens.revoke_all(function=function)
        functions.filter(deployment=None).update(deleted_at=now)
        Deployment.objects.filter(function__tenant=tenant, absent=False).want(
            State.DELETING, absent=True, requested_by=None
        )
        Copy.objects.filter(tenant=tenant).update(left_over_at=now)
        BoundaryPolicy.objects.get_or_create(tenant=tenant)
        BoundaryPolicy.objects.filter(tenant=tenant).want(suspended=True)
        _look_at_members(tenant)
        audit.record(action="tenant.ended", tenant=tenant, actor=actor, target=tenant.slug)
    tenant.ended_at, tenant.suspended_at = now, None
    return True


def finish() -> int:
    """Take the members' access away where functions and copies are gone; return how many tenants that were."""
    ending = Tenant.objects.exclude(ended_at=None).filter(pk__in=Membership.objects.values("tenant"))
    left = Deployment.objects.exclude(state=State.DELETED).values("function__tenant")
    done = 0
    for tenant in ending.exclude(pk__in=left).exclude(pk__in=Copy.objects.values("tenant"))[:AT_ONCE]:
        with transaction.atomic():
            people = _look_at_members(tenant)
            _make_unreadable(tenant)  # once more: calls were under way
            if tenant.memberships.all().delete()[0]:
                audit.record(action="tenant.left_fusebit", tenant=tenant, actor=None, target=tenant.slug, people=people)
                done += 1
    return done


def _make_unreadable(tenant: Tenant) -> None:
    """Destroy the tenant's key; what is only kept for a while goes altogether."""
    door.shred(str(tenant.pk))
    RunBody.objects.filter(run__tenant=tenant).delete()


def _look_at_members(tenant: Tenant) -> int:
    people = list(tenant.memberships.select_related("user"))
    for membership in people:
        provisioning.look_again(user=membership.user)
    return len(people)
