"""The trail of who changed what."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from tenants.models import AuditEvent, Tenant


def record(
    *,
    action: str,
    tenant: Tenant | None,
    actor: AbstractBaseUser | AnonymousUser | None,
    target: object = "",
    **detail: object,
) -> AuditEvent:
    """Write the row; call it inside the transaction of the change that it records. `detail` must be JSON."""
    person = actor if actor is not None and actor.is_authenticated else None
    return AuditEvent.objects.create(tenant=tenant, actor=person, action=action, target=str(target), detail=detail)
