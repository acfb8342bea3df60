"""Under which identities a person is known at Fusebit: one for each provider that they sign in through."""

import hashlib
import uuid
from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from social_django.models import UserSocialAuth

from fusebit_bridge import door
from tenants.errors import InvalidInput, NameTaken
from tenants.models import FusebitUser, State
from tenants.services import audit

USERNAME_LENGTH = 150
CONFIRMED_FOR = timedelta(minutes=10)  # how long a sign-in counts as confirmation


class SocialIdentity(Protocol):
    """The part of a social-auth association that says who the person is."""

    provider: str
    uid: str


def subject_of(social: SocialIdentity) -> str:
    """Return `<provider>|<uid>`, byte for byte: the first bar splits, because no provider name has one."""
    return f"{social.provider}|{social.uid}"


def of(row: FusebitUser, issuer_id: str) -> tuple[door.Identity, ...]:
    """Return the identities that the person's user at Fusebit should have; the first is the one to search by.

    A provider that is an authorization server whose issuer is registered at Fusebit adds the identity that its own
    access tokens name, so that those work there too.
    """
    found = [door.Identity(issuer_id, row.subject)]
    if row.user is not None:
        for social in UserSocialAuth.objects.filter(user=row.user).order_by("pk"):
            found += _of_social(social, issuer_id)
    return tuple(dict.fromkeys(found))


def _of_social(social: SocialIdentity, issuer_id: str) -> list[door.Identity]:
    own = [door.Identity(issuer_id, subject_of(social))]
    registered = settings.FUSEBIT_ISSUERS_OF_PROVIDERS.get(social.provider)
    return [*own, door.Identity(registered, social.uid)] if registered else own


def of_person(user: User) -> list[UserSocialAuth]:
    """Return the person's ways to sign in, the oldest first."""
    return list(UserSocialAuth.objects.filter(user=user).order_by("pk"))


def link(*, user: User, provider: str, uid: str, id_key: str = "") -> UserSocialAuth:
    """Let the person sign in through one more provider; their user at Fusebit gets the identity too.

    Raise NameTaken when it is somebody's already.
    """
    try:
        with transaction.atomic():
            made = UserSocialAuth.objects.create(user=user, provider=provider, uid=uid, id_key=id_key)
            _changed(user, "identity.linked", made)
    except IntegrityError:
        raise NameTaken("This identity belongs to another account here. Sign in with it to use that one.") from None
    return made


def unlink(*, user: User, pk: int) -> UserSocialAuth | None:
    """Take a way to sign in away, at Fusebit too; None when it is not the person's, InvalidInput for the last one."""
    with transaction.atomic():
        rows = list(UserSocialAuth.objects.select_for_update().filter(user=user).order_by("pk"))
        gone = next((row for row in rows if row.pk == pk), None)
        if gone is None:
            return None
        left = [row for row in rows if row.pk != pk]
        if not left:
            raise InvalidInput("This is the only way to sign in that is left: add another one first.")
        gone_name = subject_of(gone)
        UserSocialAuth.objects.filter(pk=pk).delete()
        _search_by(user, gone_name, subject_of(left[0]))
        _rename(user, gone)
        _changed(user, "identity.unlinked", gone)
    return gone


def _search_by(user: User, before: str, after: str) -> None:
    """Have the person's user searched by the identity that is left, where it was by the one that goes.

    The tombstone of somebody who had that identity before gives its place up once they are gone at Fusebit.
    """
    rows = FusebitUser.objects.filter(user=user, subject=before)
    for row in rows:
        tombstones = FusebitUser.objects.filter(subject=after, issuer_id=row.issuer_id, user=None, call_token=None)
        tombstones.filter(state=State.DELETED).delete()
        if tombstones.exists():
            raise InvalidInput("The identity that is left is still being cleared of its last use. Wait a minute.")
    rows.update(subject=after)


def _rename(user: User, gone: UserSocialAuth) -> None:
    """Let go of the name that is made of the identity, so that whoever comes with it is not taken for this person."""
    if user.username in {subject_of(gone), username_of(gone.provider, gone.uid)}:
        User.objects.filter(pk=user.pk).update(username=f"person|{uuid.uuid4().hex}")


def _changed(user: User, action: str, social: UserSocialAuth) -> None:
    FusebitUser.objects.filter(user=user, absent=False).want()
    membership = user.memberships.select_related("tenant").first()
    tenant = membership.tenant if membership else None
    audit.record(action=action, tenant=tenant, actor=user, target=subject_of(social))


def username_of(provider: str, uid: str) -> str:
    """Return the name that makes two first sign-ins of one identity meet: `<provider>|<uid>`, or its digest if long."""
    name = f"{provider}|{uid}"
    return name if len(name) <= USERNAME_LENGTH else f"{provider}|{hashlib.sha256(name.encode()).hexdigest()}"
