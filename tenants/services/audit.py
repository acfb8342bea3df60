"""The trail of who changed what: each row carries a mark over itself and the row before it, one chain per tenant.

The marks are made with a key under the encryption ring, so whoever can write to the database alone cannot make them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable
from tenants.models import AuditChain, AuditEvent, Membership, Tenant

SITE = "site"  # the chain of what belongs to no tenant
OWNER = "audit"  # of the key
UNKEYED = "-"  # how a mark begins that was made before there was a key


@dataclass(frozen=True)
class Finding:
    """The first row of a chain that is not as it was written."""

    chain: str
    number: int
    problem: str


def record(
    *,
    action: str,
    tenant: Tenant | None,
    actor: User | None,
    target: object = "",
    **detail: object,
) -> AuditEvent:
    """Write the row; call it inside the transaction of the change that it records. `detail` must be JSON."""
    name = str(tenant.pk) if tenant else SITE
    with transaction.atomic():
        AuditChain.objects.bulk_create([AuditChain(name=name)], ignore_conflicts=True)
        head = AuditChain.objects.select_for_update().get(name=name)
        row = AuditEvent(
            tenant=tenant,
            actor=actor,
            actor_ref=str(actor.pk) if actor else "",
            action=action,
            target=str(target)[:320],
            detail=json.loads(json.dumps(detail)),
            at=timezone.now(),
            chain=name,
            number=head.length + 1,
        )
        row.mark = _mark(row, head.mark)
        row.save(force_insert=True)
        AuditChain.objects.filter(name=name).update(length=row.number, mark=row.mark)
    return row


def record_of_person(*, action: str, person: User, actor: User, **detail: object) -> None:
    """Write down what an operator did to a person: in the site's chain, and in that of each of their tenants."""
    tenants = list(Tenant.objects.filter(memberships__user=person))
    name = person.get_full_name() or person.username
    for tenant in (None, *tenants):
        record(action=action, tenant=tenant, actor=actor, target=name, **detail)


def verify() -> list[Finding]:
    """Return what is wrong, at most one finding a chain: a row changed, added, taken away or put elsewhere.

    Raise FusebitUnavailable in a process that cannot read the key of the marks.
    """
    try:
        door.vault(OWNER)
    except door.NotConfigured as error:
        raise FusebitUnavailable(error.message) from error
    names = set(AuditChain.objects.values_list("name", flat=True)) | set(
        AuditEvent.objects.exclude(number=None).values_list("chain", flat=True)
    )
    lost = {str(pk) for pk in Tenant.objects.values_list("pk", flat=True)} - names
    found = [Finding(name, 0, "the whole chain of a tenant is gone") for name in sorted(lost)]
    return found + [finding for name in sorted(names) for finding in _verify_chain(name)]


def counts() -> tuple[int, int]:
    """Return how many rows are in chains, and how many of them were marked before there was a key."""
    rows = AuditEvent.objects.exclude(number=None)
    return rows.count(), rows.filter(mark__startswith=UNKEYED).count()


def _verify_chain(name: str) -> Iterator[Finding]:
    before, count = "", 0
    for row in AuditEvent.objects.filter(chain=name).exclude(number=None).order_by("number").iterator():
        count += 1
        if row.number != count:
            yield Finding(name, count, "a row is missing")
            return
        if row.mark != _mark(row, before, unkeyed=row.mark.startswith(UNKEYED)):
            yield Finding(name, count, "a row was changed")
            return
        if row.mark.startswith(UNKEYED) and before and not before.startswith(UNKEYED):
            yield Finding(name, count, "a row was marked without the key")
            return
        before = row.mark
    head = AuditChain.objects.filter(name=name).first()
    if head is None or (head.length, head.mark) != (count, before):
        yield Finding(name, count + 1, "the newest rows are missing")


def _mark(row: AuditEvent, before: str, *, unkeyed: bool = False) -> str:
    """Return the mark of a row that follows `before`; without the key where there is none so far."""
    written = [before, row.chain, row.number, row.at.isoformat(), row.action, row.target, row.actor_ref, row.detail]
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    if not unkeyed:
        try:
            return door.vault(OWNER).authenticate(text)
        except door.NotConfigured as error:
            if isinstance(error, door.CannotDecrypt):
                raise
    return UNKEYED + hashlib.sha256(text.encode()).hexdigest()


def denied(*, membership: Membership, what: str, why: str) -> None:
    """Write down that a member tried what they may not."""
    record(action="denied", tenant=membership.tenant, actor=membership.user, target=what, role=membership.role, why=why)
