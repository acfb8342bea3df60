"""What operators do to provisioning: try again, one or all alike; suspend and resume a tenant. Each is audited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from tenants.models import BoundaryPolicy, Deployment, FusebitUser, State, Tenant
from tenants.services import access, audit, provisioning

KINDS: dict[str, type[Any]] = {"users": FusebitUser, "deployments": Deployment, "policies": BoundaryPolicy}
TOLD_AT_MOST = 200
STUCK = (State.RETRY, State.BLOCKED)


@dataclass(frozen=True)
class Alike:
    """Rows of one kind that are in trouble for one cause: how many, since when, and some of their names."""

    kind: str
    cause: str
    number: int
    since: datetime | None
    examples: tuple[str, ...]


def alike(kind: str, cause: str) -> Alike:
    """Return what trying all of them again would touch."""
    rows = _in_trouble(kind, cause)
    first = rows.exclude(first_failed_at=None).order_by("first_failed_at").first()
    return Alike(
        kind, cause, rows.count(), first.first_failed_at if first else None, tuple(str(row) for row in rows[:5])
    )


def retry_alike(*, kind: str, cause: str, actor: User) -> int:
    """Have every row of the kind that is in trouble for the cause looked at now; return how many there were."""
    with transaction.atomic():
        rows = _in_trouble(kind, cause)
        told = _tell_tenants(rows, actor=actor, cause=cause)
        number: int = rows.want()
        audit.record(
            action="provisioning.retried_alike",
            tenant=None, actor=actor, target=kind, cause=cause, rows=number, tenants=told,
        )  # fmt: skip
    return number


def retry_rows(*, kind: str, keys: list[Any], actor: User) -> int:
    """Have these rows looked at now, if they are in trouble; return how many were."""
    rows = KINDS[kind].objects.filter(pk__in=keys, state__in=STUCK)
    with transaction.atomic():
        names = [str(row) for row in rows[:20]]
        _tell_tenants(rows, actor=actor)
        number: int = rows.want()
        audit.record(action="provisioning.retried", tenant=None, actor=actor, target=kind, rows=number, names=names)
    return number


def _tell_tenants(rows: Any, *, actor: User, **detail: object) -> int:
    """Write into the trail of each tenant which of its rows are tried again; return how many tenants were told.

    Of very many at once only the first are told: the site's own trail has the whole of it.
    """
    told: set[Any] = set()
    for row in rows.order_by("pk")[:TOLD_AT_MOST]:
        for tenant in _tenants_of(row):
            told.add(tenant.pk)
            audit.record(action="provisioning.retried", tenant=tenant, actor=actor, target=str(row), **detail)
    return len(told)


def _tenants_of(row: Any) -> list[Tenant]:
    if isinstance(row, FusebitUser):
        return access.tenants_of(row)
    return [row.function.tenant if isinstance(row, Deployment) else row.tenant]


def suspend(*, tenant: Tenant, actor: User | None) -> bool:
    """Take everybody's access to the tenant's boundary away; False when it is suspended already, or ended.

    Where Fusebit has policies it refuses all runs of the boundary too, scheduled ones included.
    """
    return _set_suspended(tenant, timezone.now(), actor)


def resume(*, tenant: Tenant, actor: User | None) -> bool:
    """Give access back; False when the tenant is not suspended."""
    return _set_suspended(tenant, None, actor)


def _set_suspended(tenant: Tenant, moment: datetime | None, actor: User | None) -> bool:
    with transaction.atomic():
        other = Tenant.objects.filter(pk=tenant.pk, ended_at=None, suspended_at__isnull=moment is not None)
        if not other.update(suspended_at=moment):
            return False
        for membership in tenant.memberships.select_related("user"):
            provisioning.look_again(user=membership.user)
        FusebitUser.objects.filter(call_token__function__tenant=tenant, absent=False).want()
        BoundaryPolicy.objects.get_or_create(tenant=tenant)
        BoundaryPolicy.objects.filter(tenant=tenant).want(suspended=moment is not None)
        if moment is None:
            Deployment.objects.filter(function__tenant=tenant, state=State.SUSPENDED).want()
        action = "tenant.suspended" if moment else "tenant.resumed"
        audit.record(action=action, tenant=tenant, actor=actor, target=tenant.slug)
    tenant.suspended_at = moment
    return True


def _in_trouble(kind: str, cause: str) -> Any:
    return KINDS[kind].objects.filter(state__in=STUCK, error_code=cause)
