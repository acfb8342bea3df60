"""Remembers what was answered under an idempotency key, so that a request that is repeated has no second effect."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, Repeated
from tenants.models import KeptAnswer, Tenant

KEPT_FOR = timedelta(hours=24)
GIVEN_UP_AFTER = timedelta(minutes=5)  # the process that was at work on it is gone


def begin(*, user: User, tenant: Tenant, key: str, fingerprint: str) -> KeptAnswer:
    """Return the row of the key: one that was answered has a status, one without is the caller's to answer.

    Raise Repeated for the key of another request, or of one that is still at work.
    """
    expire()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, tenant=tenant, key=key, fingerprint=fingerprint)
    except IntegrityError:
        row = KeptAnswer.objects.filter(user=user, tenant=tenant, key=key).first()
    if row is None or row.fingerprint != fingerprint:
        raise Repeated("This idempotency key was used for another request.")
    if row.status is None:
        raise Repeated("The first request with this idempotency key is still at work.", retry_after=1)
    return row


def finish(*, row: KeptAnswer, status: int, headers: dict[str, str], body: str) -> None:
    """Keep the answer, encrypted: it may hold a token, or what a function answered."""
    sealed = _vault(row.tenant).seal(body, *row.context)
    KeptAnswer.objects.filter(pk=row.pk).update(status=status, headers=headers, sealed=sealed)


def body_of(row: KeptAnswer) -> str:
    """Return the body of the kept answer."""
    try:
        return _vault(row.tenant).open(row.sealed, *row.context)
    except door.FusebitError as error:
        raise FusebitUnavailable(error.message) from error


def forget(*, row: KeptAnswer) -> None:
    """Let the key be used again: the request had no effect."""
    KeptAnswer.objects.filter(pk=row.pk, status=None).delete()


def expire() -> None:
    """Delete what is a day old, and claims that nobody is at work on any more."""
    now = timezone.now()
    KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    KeptAnswer.objects.filter(created_at__lt=now - GIVEN_UP_AFTER, status=None).delete()


def _vault(tenant: Tenant) -> door.Vault:
    return door.vault(str(tenant.pk))
