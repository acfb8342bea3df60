"""From a sign-in to a wanted user at Fusebit: what should be true is written down here, and made true by the worker.

Everything may be repeated at any time by anybody: a signal, a page, the admin and a timer only say "look sooner".
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify
from social_django.models import UserSocialAuth

from fusebit_bridge import door
from tenants import selectors
from tenants.models import Deployment, FusebitUser, Membership, Role, State, Tenant
from tenants.services import audit, causes, functions, identities, reconciliation
from tenants.services.identities import SocialIdentity


def request(*, user: User, social: SocialIdentity) -> Tenant:
    """Make sure that the person has a tenant and that their user at Fusebit is wanted; return the tenant.

    One transaction. Whoever comes second, in another tab or another process, waits for the row that the first one
    holds and finds what it made.
    """
    tenant = selectors.tenant_of(user)
    if tenant is not None and FusebitUser.objects.filter(user=user).exists():
        return tenant
    with transaction.atomic():
        wanted = {"subject": identities.subject_of(social), "issuer_id": _issuer_id()}
        _revive(user=user, **wanted)
        FusebitUser.objects.get_or_create(user=user, defaults=wanted)
        look_again(user=user)  # the UPDATE holds the row until the commit
        return selectors.tenant_of(user) or _found_tenant(user)


def request_after_login(*, user: User) -> None:
    """Provision whoever signed in through a provider; a password (an operator's) leads to no tenant."""
    social = getattr(user, "social_user", None)
    if social is not None:
        request(user=user, social=social)


def heal(*, limit: int = 100) -> int:
    """Find what nobody asked to be looked at; return how many people were provisioned.

    Sign-ins that were cut off between two commits, people who were deleted here, and rows that were blocked for
    something that an import of a client may have mended.
    """
    lost = UserSocialAuth.objects.filter(user__fusebit_user=None, user__is_active=True)[:limit]
    for social in lost:
        request(user=social.user, social=social)
    FusebitUser.objects.filter(user=None, call_token=None, absent=False).want(State.DELETING, absent=True)
    imported_at = door.imported_at()
    if imported_at is not None:
        mended = Q(observed_at__lt=imported_at) & Q(error_code__in=causes.CONFIGURATION)
        FusebitUser.objects.filter(mended, state=State.BLOCKED).make_due()
        Deployment.objects.filter(mended, state=State.BLOCKED).make_due()
    return len(lost)


def _revive(*, user: User, subject: str, issuer_id: str) -> None:
    """Give the tombstone of somebody who comes back to them: subjects name one person for ever."""
    tombstones = FusebitUser.objects.filter(subject=subject, user=None, call_token=None)
    tombstones.filter(issuer_id__in=[issuer_id, ""]).want(user=user, absent=False, absent_since=None)


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


def look_again(*, user: User) -> None:
    """Have the person's access computed and compared afresh, after a membership or an identity changed."""
    FusebitUser.objects.filter(user=user, absent=False).want()


def forget(*, user: User) -> None:
    """Want the person's user at Fusebit gone; the row stays as a tombstone."""
    FusebitUser.objects.filter(user=user, absent=False).want(State.DELETING, absent=True, absent_since=None)


def retry(*, tenant: Tenant, actor: User) -> None:
    """Have everything of the tenant that is not in order looked at as soon as possible."""
    with transaction.atomic():
        people = tenant.memberships.values("user")
        FusebitUser.objects.filter(user__in=people, state__in=[State.RETRY, State.BLOCKED]).want()
        FusebitUser.objects.filter(user__in=people, state=State.PENDING).make_due()
        functions.retry_deployments(tenant=tenant)
        audit.record(action="provisioning.retried", tenant=tenant, actor=actor, target=tenant.slug)
