"""From a sign-in to a user at Fusebit that may touch the person's boundaries and nothing else.

`request` writes down what should be true; `advance` makes it so: lease, observe, at most one write, verify, record.
Both may be repeated at any time by anybody.
"""

import contextlib
from collections.abc import Iterable
from typing import Protocol

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify
from social_django.models import UserSocialAuth

from fusebit_bridge import door
from tenants import selectors
from tenants.models import FusebitUser, Membership, Role, State, Tenant
from tenants.services import access, audit, functions, reconciliation, starters


class SocialIdentity(Protocol):
    """The part of a social-auth association that says who the person is."""

    provider: str
    uid: str


def subject_of(social: SocialIdentity) -> str:
    """Return `<provider>|<uid>`, byte for byte: the first bar splits, because no provider name has one."""
    return f"{social.provider}|{social.uid}"


def request(*, user: User, social: SocialIdentity) -> Tenant:
    """Make sure that the person has a tenant and that their user at Fusebit is wanted; return the tenant.

    One transaction. Whoever comes second, in another tab or another process, waits for the row that the first one
    holds and finds what it made.
    """
    tenant = selectors.tenant_of(user)
    if tenant is not None and FusebitUser.objects.filter(user=user).exists():
        return tenant
    with transaction.atomic():
        wanted = {"subject": subject_of(social), "issuer_id": _issuer_id()}
        FusebitUser.objects.get_or_create(user=user, defaults=wanted)
        look_again(user=user)  # the UPDATE holds the row until the commit
        return selectors.tenant_of(user) or _found_tenant(user)


def request_after_login(*, user: User) -> None:
    """Provision whoever signed in through a provider; a password (an operator's) leads to no tenant."""
    social = getattr(user, "social_user", None)
    if social is not None:
        request(user=user, social=social)


def heal(*, limit: int = 100) -> int:
    """Provision people whose sign-in was cut off between the two commits; return how many there were."""
    lost = UserSocialAuth.objects.filter(user__fusebit_user=None, user__is_active=True)[:limit]
    for social in lost:
        request(user=social.user, social=social)
    return len(lost)


def _issuer_id() -> str:
    """Return the issuer of our identities, empty until the bridge is configured: signing in does not wait for it."""
    try:
        return door.tenant_issuer_id()
    except door.NotConfigured:
        return ""


def _found_tenant(user: User) -> Tenant:
    person = display_name(user)
    tenant = Tenant(name=f"{person}'s workspace"[:120])
    tenant.slug = f"{slugify(person)[:40] or 'tenant'}-{tenant.id.hex[-8:]}"
    tenant.save()
    Membership.objects.create(tenant=tenant, user=user, role=Role.OWNER)
    audit.record(action="tenant.created", tenant=tenant, actor=user, target=tenant.slug)
    reconciliation.note(tenant=tenant, step="account", subject=tenant.slug, attempt=0, outcome="recorded")
    return tenant


def display_name(user: User) -> str:
    """Return what to call the person."""
    return user.first_name or user.get_username().split("|")[0].split("@")[0] or "Your"


def advance(*, row: FusebitUser) -> FusebitUser:
    """Take the person's user at Fusebit one step towards what it should be; return the row as it is afterwards."""
    claimed = reconciliation.claim(row)
    if claimed is None:
        return row
    row, held = claimed
    with reconciliation.given_back(row, held):
        try:
            remote = None if row.absent else _converge(row)
            if row.absent:
                _remove(row)
        except door.FusebitError as error:
            _record_trouble(row, held, error)
        else:
            _record_ready(row, held, remote)
    row.refresh_from_db()
    return row


def _converge(row: FusebitUser) -> door.RemoteUser:
    issuer_id = row.issuer_id or _registered_issuer_id()
    if not row.issuer_id:
        FusebitUser.objects.filter(pk=row.pk, issuer_id="").update(issuer_id=issuer_id)
    return door.provisioner().ensure_user(
        door.Identity(issuer_id, row.subject),
        access.desired_of(row),
        **access.names_of(row),
    )


def _remove(row: FusebitUser) -> None:
    """Delete the user at Fusebit, whoever made it: what is found by the identity goes, until nothing is found."""
    if not row.issuer_id:
        return
    provisioner = door.provisioner()
    found = provisioner.find_user(door.Identity(row.issuer_id, row.subject))
    if found is not None:
        with contextlib.suppress(door.Missing):
            provisioner.remove_user(found.id)


def _registered_issuer_id() -> str:
    """Return the issuer of our identities, registered now when Fusebit was away at the import."""
    try:
        return door.tenant_issuer_id()
    except door.NotConfigured as error:
        if not error.retriable:
            raise
        door.ensure_tenant_issuer()
        return door.tenant_issuer_id()


def _record_ready(row: FusebitUser, held: reconciliation.Claim, remote: door.RemoteUser | None) -> None:
    with transaction.atomic():
        if remote is None:
            columns = reconciliation.settled(held, state=State.DELETED, remote_user_id="")
        else:
            columns = reconciliation.settled(held, remote_user_id=remote.id)
        if not reconciliation.record(row, held, **columns):
            return
        for tenant in _tenants(row):
            _note(row, tenant, held, "access", remote.id if remote else "deletion")
            if row.user is not None:
                _note(row, tenant, held, "boundary", tenant.boundary_id)
                _plant_starter(tenant, row.user)


def _plant_starter(tenant: Tenant, user: User) -> None:
    """Give an owner's new tenant its first function, once: a deployment like any other."""
    owns = Membership.objects.filter(tenant=tenant, user=user, role=Role.OWNER).exists()
    if owns and not tenant.functions.exists():
        functions.found(tenant=tenant, starter=starters.hello(display_name(user)), author=user)


def _record_trouble(row: FusebitUser, held: reconciliation.Claim, error: door.FusebitError) -> None:
    columns = reconciliation.troubled(held, error)
    if row.absent:
        columns["state"] = State.DELETING
    with transaction.atomic():
        if reconciliation.record(row, held, **columns):
            outcome = "will be retried" if error.retriable else "needs a person"
            for tenant in _tenants(row):
                reconciliation.note(
                    tenant=tenant,
                    step="access",
                    subject=row.subject,
                    attempt=held.attempt,
                    outcome=outcome,
                    error=error,
                )


def _tenants(row: FusebitUser) -> Iterable[Tenant]:
    if row.user is not None:
        return [membership.tenant for membership in selectors.memberships_of(row.user)]
    token = access.call_token_of(row)
    return [token.function.tenant] if token else []


def _note(row: FusebitUser, tenant: Tenant, held: reconciliation.Claim, step: str, what: str) -> None:
    subject = row.subject if step == "access" else tenant.boundary_id
    reconciliation.note(tenant=tenant, step=step, subject=subject, attempt=held.attempt, outcome=f"verified {what}")


def look_again(*, user: User) -> None:
    """Have the person's access computed and compared afresh, after a membership changed."""
    FusebitUser.objects.filter(user=user).update(
        desired_gen=F("desired_gen") + 1, state=State.PENDING, next_attempt_at=timezone.now()
    )


def retry(*, tenant: Tenant, actor: User) -> None:
    """Have everything of the tenant that is not in order looked at as soon as possible."""
    with transaction.atomic():
        for membership in tenant.memberships.all():
            FusebitUser.objects.filter(user=membership.user).exclude(state=State.READY).make_due()
        functions.retry_deployments(tenant=tenant)
        audit.record(action="provisioning.retried", tenant=tenant, actor=actor, target=tenant.slug)
