"""Who belongs to a tenant and as what: invited by a link, granted at Fusebit by role, never without an owner."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tenants.errors import InvalidInput, InvitationGone, LastOwner
from tenants.models import Invitation, Membership, Role, Tenant
from tenants.services import audit, provisioning, tokens

LIVES = timedelta(hours=8)
OPEN_AT_MOST = 50


def rename(*, tenant: Tenant, name: str, actor: User) -> None:
    """Change what people read; nothing at Fusebit depends on it."""
    if not name.strip() or not name.isprintable() or len(name) > 120:
        raise InvalidInput("Give the workspace a name of at most 120 characters.", field="name")
    with transaction.atomic():
        Tenant.objects.filter(pk=tenant.pk).update(name=name.strip())
        audit.record(action="tenant.renamed", tenant=tenant, actor=actor, target=name.strip())


def invite(*, tenant: Tenant, role: str, actor: User, label: str = "") -> tuple[Invitation, str]:
    """Return an invitation and the secret of its link, which cannot be shown again."""
    if role not in Role.values:
        raise InvalidInput("Choose owner, developer or viewer.", field="role")
    if open_invitations(tenant).count() >= OPEN_AT_MOST:
        raise InvalidInput(f"There are {OPEN_AT_MOST} open invitations already: withdraw some first.", field="role")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        row = Invitation.objects.create(
            tenant=tenant,
            role=role,
            label=label.strip()[:120],
            digest=_digest(secret),
            created_by=actor,
            expires_at=timezone.now() + LIVES,
        )
        audit.record(action="member.invited", tenant=tenant, actor=actor, target=row.label, role=role)
    return row, secret


def open_invitations(tenant: Tenant) -> QuerySet[Invitation]:
    """Return the invitations that somebody could still follow."""
    return tenant.invitations.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


def withdraw(*, invitation: Invitation, actor: User) -> None:
    """Make the link useless."""
    with transaction.atomic():
        if open_invitations(invitation.tenant).filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            audit.record(
                action="member.invitation_withdrawn",
                tenant=invitation.tenant,
                actor=actor,
                target=invitation.label,
            )


def find(secret: str) -> Invitation:
    """Return the invitation that a link is for; raise InvitationGone."""
    row = Invitation.objects.select_related("tenant", "created_by").filter(digest=_digest(secret)).first()
    if row is None or row.used_at or row.revoked_at or row.expires_at <= timezone.now():
        raise InvitationGone("This invitation was used, withdrawn, or is more than eight hours old.")
    return row


def accept(*, secret: str, user: User) -> Membership:
    """Make the person a member, once; whoever is one already stays what they are, and the link stays good.

    Raise InvitationGone, and InvalidInput for somebody who has no identity at Fusebit.
    """
    row = find(secret)
    existing = Membership.objects.filter(tenant=row.tenant, user=user).first()
    if existing is not None:
        return existing
    social = user.social_auth.first()
    if social is None:
        raise InvalidInput("Sign in through an identity provider to become a member.")
    provisioning.request(user=user, social=social)
    with transaction.atomic():
        used = Invitation.objects.filter(pk=row.pk, used_at=None, revoked_at=None, expires_at__gt=timezone.now())
        if not used.update(used_at=timezone.now(), used_by=user):
            raise InvitationGone("This invitation was used, withdrawn, or is more than eight hours old.")
        membership = Membership.objects.create(tenant=row.tenant, user=user, role=row.role)
        provisioning.look_again(user=user)
        audit.record(action="member.joined", tenant=row.tenant, actor=user, target=_name(user), role=row.role)
    return membership


def change_role(*, membership: Membership, role: str, actor: User) -> Membership:
    """Give the member another role, at Fusebit too; raise LastOwner."""
    if role not in Role.values:
        raise InvalidInput("Choose owner, developer or viewer.", field="role")
    with transaction.atomic():
        row = _held(membership)
        if row.role == role:
            return row
        if role != Role.OWNER:
            _keep_an_owner(row)
        before, row.role = row.role, role
        row.save(update_fields=["role"])
        provisioning.look_again(user=row.user)
        audit.record(
            action="member.role_changed",
            tenant=row.tenant,
            actor=actor,
            target=_name(row.user),
            before=before,
            after=role,
        )
    return row


def transfer(*, membership: Membership, to: Membership) -> None:
    """Make another member the owner and the present one a developer."""
    if to.tenant_id != membership.tenant_id or to.pk == membership.pk:
        raise InvalidInput("Choose another member.", field="to")
    with transaction.atomic():
        change_role(membership=to, role=Role.OWNER, actor=membership.user)
        change_role(membership=membership, role=Role.DEVELOPER, actor=membership.user)


def remove(*, membership: Membership, actor: User) -> None:
    """Take the person out, here at once and at Fusebit as soon as the worker comes by; raise LastOwner.

    A person who removes themself leaves.
    """
    with transaction.atomic():
        row = _held(membership)
        _keep_an_owner(row)
        tokens.revoke_all(user=row.user, tenant=row.tenant, actor=actor)
        row.delete()
        provisioning.look_again(user=row.user)
        action = "member.left" if actor == row.user else "member.removed"
        audit.record(action=action, tenant=row.tenant, actor=actor, target=_name(row.user), role=row.role)


def _held(membership: Membership) -> Membership:
    """Return the membership as it is now, with the tenant locked: two owners must not leave at the same time."""
    Tenant.objects.select_for_update().get(pk=membership.tenant_id)
    return Membership.objects.select_related("user", "tenant").get(pk=membership.pk)


def _keep_an_owner(leaving: Membership) -> None:
    others = leaving.tenant.memberships.filter(role=Role.OWNER).exclude(pk=leaving.pk)
    if leaving.role == Role.OWNER and not others.exists():
        raise LastOwner("A workspace needs an owner. Make somebody else one first.")


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()


def _digest(secret: str) -> str:
    """Return the SHA-256 of a secret that has 256 random bits; a slow hash would add nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
