"""Under which identities a person is known at Fusebit: one for each provider that they sign in through."""

from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import User
from social_django.models import UserSocialAuth

from fusebit_bridge import door
from tenants.models import FusebitUser


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


def first_of(user: User) -> SocialIdentity | None:
    """Return the association that the person came with first."""
    social: SocialIdentity | None = UserSocialAuth.objects.filter(user=user).order_by("pk").first()
    return social
