"""Tokens that call exactly one function until a date, each the only right of a Fusebit user made for it.

The token itself is signed here, shown once and kept nowhere. Deleting its user takes it away at once, on any Fusebit.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, InvalidInput
from tenants.models import CallToken, Function, FusebitUser, State
from tenants.services import audit

LONGEST = timedelta(days=366)
SHORTEST = timedelta(minutes=1)
ALIVE_AT_MOST = 50
SUBJECT = "call|{}"  # no provider is called so, see services.identities.subject_of


def mint(*, function: Function, name: str, expires_at: datetime, actor: User) -> tuple[CallToken, str]:
    """Return the row and the token; it works as soon as the row's Fusebit user is READY, a moment later.

    Raise InvalidInput, and FusebitUnavailable where there is no key to sign with.
    """
    _check(function, name, expires_at)
    row = CallToken(function=function, name=name.strip(), created_by=actor, expires_at=expires_at)
    subject = SUBJECT.format(row.pk)
    try:
        issuer_id = door.tenant_issuer_id()
        token = door.call_token(
            subject, function.tenant.boundary_id, function.name, expires_at=expires_at, issuer_id=issuer_id
        )
    except door.FusebitError as error:
        raise FusebitUnavailable(error.message, reference_id=error.reference_id) from error
    with transaction.atomic():
        row.fusebit_user = FusebitUser.objects.create(issuer_id=issuer_id, subject=subject)
        row.save(force_insert=True)
        audit.record(
            action="call_token.created",
            tenant=function.tenant,
            actor=actor,
            target=function.name,
            name=row.name,
            expires_at=expires_at.isoformat(),
        )
    return row, token


def alive(function: Function) -> QuerySet[CallToken]:
    """Return the tokens that can call the function, and those whose user is still being removed."""
    rows = function.call_tokens.select_related("fusebit_user", "created_by")
    return rows.exclude(fusebit_user__state=State.DELETED)


def revoke(*, token: CallToken, actor: User) -> CallToken:
    """Want the token's user gone; the worker deletes it, and Fusebit refuses the token from then on."""
    with transaction.atomic():
        if _drop(CallToken.objects.filter(pk=token.pk)):
            function = token.function
            audit.record(
                action="call_token.revoked",
                tenant=function.tenant,
                actor=actor,
                target=function.name,
                name=token.name,
            )
    return CallToken.objects.select_related("fusebit_user").get(pk=token.pk)


def revoke_all(*, function: Function) -> int:
    """Take away every token of a function that goes: its name may be given to another one."""
    return _drop(CallToken.objects.filter(function=function))


def expire() -> int:
    """Have the users of tokens that have expired deleted; return how many there were."""
    with transaction.atomic():
        return _drop(CallToken.objects.filter(expires_at__lte=timezone.now()))


def _drop(tokens: QuerySet[CallToken]) -> int:
    now = timezone.now()
    users = list(tokens.filter(revoked_at=None).values_list("fusebit_user", flat=True))
    tokens.filter(revoked_at=None).update(revoked_at=now)
    return FusebitUser.objects.filter(pk__in=users, absent=False).want(State.DELETING, absent=True)


def _check(function: Function, name: str, expires_at: datetime) -> None:
    if not 0 < len(name.strip()) <= 80 or not name.isprintable():
        raise InvalidInput("Give the token a name of at most 80 characters.", field="name")
    now = timezone.now()
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        raise InvalidInput("A token must expire within a year, and not before a minute from now.", field="expires_at")
    if alive(function).count() >= ALIVE_AT_MOST:
        raise InvalidInput(f"A function has at most {ALIVE_AT_MOST} call tokens: revoke some first.", field="name")
