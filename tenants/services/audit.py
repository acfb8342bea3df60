"""The trail of who changed what."""

from django.contrib.auth.models import User

from tenants.models import AuditEvent, Tenant


def record(
    *,
    action: str,
    tenant: Tenant | None,
    actor: User | None,
    target: object = "",
    **detail: object,
) -> AuditEvent:
    """Write the row; call it inside the transaction of the change that it records. `detail` must be JSON."""
    return AuditEvent.objects.create(tenant=tenant, actor=actor, action=action, target=str(target), detail=detail)
