"""Personal API tokens: made once, kept as a digest, used until they expire or are revoked."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants.errors import InvalidInput
from tenants.models import ApiToken, Scope, Tenant
from tenants.services import audit

PREFIX = "fbt_"
USED_RESOLUTION = timedelta(minutes=1)
ALIVE_AT_MOST = 200
ORDER: list[str] = list(Scope.values)  # each includes those before it


def create(
    *,
    user: User,
    name: str,
    tenant: Tenant | None = None,
    scope: str = Scope.MANAGE,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Return the row and the token itself, which cannot be shown again; raise InvalidInput."""
    _check(user, name, scope, expires_at)
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            user=user,
            tenant=tenant,
            name=name.strip(),
            scope=scope,
            digest=_digest(token),
            hint=token[:8],
            expires_at=expires_at,
        )
        audit.record(action="api_token.created", tenant=tenant, actor=user, target=row.name, scope=scope)
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


def is_alive(token: ApiToken) -> bool:
    """Tell whether the token may still be used."""
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(alive, pk=token.pk, revoked_at=None, user__is_active=True).exists()


def revoke(*, row: ApiToken, actor: User) -> None:
    """Make the token useless at once."""
    with transaction.atomic():
        ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())
        audit.record(action="api_token.revoked", tenant=row.tenant, actor=actor, target=row.name)


def revoke_all(*, user: User, tenant: Tenant, actor: User) -> None:
    """Make all the tokens useless that the person has for this tenant alone."""
    for row in ApiToken.objects.filter(user=user, tenant=tenant, revoked_at=None):
        revoke(row=row, actor=actor)


def of_person(user: User, tenant: Tenant) -> QuerySet[ApiToken]:
    """Return the person's tokens that are good for this tenant and not revoked."""
    good = Q(tenant=tenant) | Q(tenant=None)
    return ApiToken.objects.filter(good, user=user, revoked_at=None).select_related("tenant")


def allows(token: ApiToken, wanted: str) -> bool:
    """Tell whether the scope of the token includes `wanted`."""
    return ORDER.index(token.scope) >= ORDER.index(wanted)


def _check(user: User, name: str, scope: str, expires_at: datetime | None) -> None:
    if not 0 < len(name.strip()) <= 80 or not name.isprintable():
        raise InvalidInput("Give the token a name of at most 80 characters.", field="name")
    if scope not in ORDER:
        raise InvalidInput(f"The scope must be one of {', '.join(ORDER)}.", field="scope")
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidInput("The token would have expired already.", field="expires_at")
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= ALIVE_AT_MOST:
        raise InvalidInput(f"You have {ALIVE_AT_MOST} tokens already: revoke some first.", field="name")


def _digest(token: str) -> str:
    """Return the SHA-256 of a token that has 256 random bits; a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
