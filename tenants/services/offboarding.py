"""The end of a tenant: at once nobody comes in and nothing can be read, soon nothing of it is left at Fusebit.

The tenant's row stays, so that its boundary and its name are never used for another, and so do ledger and audit trail.
"""

from datetime import timedelta

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
    RunBody,
    State,
    Tenant,
)
from tenants.services import audit, call_tokens, provisioning

CALLS_END = timedelta(hours=1)  # whatever was under way when it ended


def end(*, tenant: Tenant, actor: User) -> bool:
    """End the tenant for good; False when that was done before.

    Its key is destroyed here and now, so that no copy of its secrets, kept requests and answers can be read any more.
    Its members have no access from now on, and its functions are wanted gone: the worker signs for that as the client.
    """
    now = timezone.now()
    with transaction.atomic():
        if not Tenant.objects.filter(pk=tenant.pk, ended_at=None).update(ended_at=now):
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
        people = list(tenant.memberships.select_related("user"))
        tenant.memberships.all().delete()
        for membership in people:
            provisioning.look_again(user=membership.user)
        audit.record(action="tenant.ended", tenant=tenant, actor=actor, target=tenant.slug, people=len(people))
    tenant.ended_at = now
    return True


def sweep() -> None:
    """Make unreadable, once more, what calls wrote that were under way when their tenant ended."""
    for tenant in Tenant.objects.filter(ended_at__gt=timezone.now() - CALLS_END):
        _make_unreadable(tenant)


def _make_unreadable(tenant: Tenant) -> None:
    """Destroy the tenant's key; what is only kept for a while goes altogether."""
    door.shred(str(tenant.pk))
    RunBody.objects.filter(run__tenant=tenant).delete()
