"""Personal API tokens: made once, kept as a digest, used until they expire or are revoked."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tenants.models import ApiToken, Tenant
from tenants.services import audit

PREFIX = "fbt_"
USED_RESOLUTION = timedelta(minutes=1)


def create(
    *, user: User, name: str, tenant: Tenant | None = None, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Return the row and the token itself, which cannot be shown again."""
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            user=user,
            tenant=tenant,
            name=name[:80],
            digest=_digest(token),
            hint=token[:8],
            expires_at=expires_at,
        )
        audit.record(action="api_token.created", tenant=tenant, actor=user, target=row.name)
    return row, token


def find(token: str) -> ApiToken | None:
    """Return the row of a token that may be used now, and remember that it was."""
    now = timezone.now()
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    row = (
        ApiToken.objects.filter(alive, digest=_digest(token), revoked_at=None, user__is_active=True)
        .select_related("user", "tenant")
        .first()
    )
    if row and (row.last_used_at is None or now - row.last_used_at > USED_RESOLUTION):
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def revoke(*, row: ApiToken, actor: User) -> None:
    """Make the token useless at once."""
    with transaction.atomic():
        ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())
        audit.record(action="api_token.revoked", tenant=row.tenant, actor=actor, target=row.name)


def _digest(token: str) -> str:
    """Return the SHA-256 of a token that has 256 random bits; a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
