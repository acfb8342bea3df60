"""Our steps in social-auth's pipeline: what fits, who is refused, and a person who comes for the first time."""

import hashlib
import unicodedata
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from social_core.exceptions import AuthAssociationError, AuthPolicyError, AuthResponseError
from social_django.models import UserSocialAuth

USERNAME_LENGTH = 150
UID_LENGTH = 255
LENGTHS = {"first_name": 150, "last_name": 150, "email": 254}


def plain(text: Any, length: int) -> str:
    """Return `text` without control and formatting characters, cut to `length`; the empty string for no text."""
    if not isinstance(text, str):
        return ""
    return "".join(char for char in text if unicodedata.category(char)[0] != "C").strip()[:length]


def fit(backend: Any, uid: str, details: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Make a person's names fit our columns; raise AuthResponseError when their identifier does not."""
    if len(uid) > UID_LENGTH or plain(uid, UID_LENGTH) != uid:
        raise AuthResponseError(backend, claim=backend.id_key(), code="invalid_claim", stage="pipeline")
    fitted = {name: plain(details.get(name), length) for name, length in LENGTHS.items()}
    return {"details": {name: text for name, text in fitted.items() if text}}


def refuse(backend: Any, social: Any = None, user: User | None = None, **_context: Any) -> None:
    """Raise where signing in must not go on: an account that is closed, or a browser that is signed in as another."""
    if user is None:
        return
    if social is None:  # somebody is signed in, and the identity is new: it is not theirs for being in the same browser
        raise AuthAssociationError(backend, code="identity_in_use", stage="pipeline")
    if not user.is_active:
        raise AuthPolicyError(backend, code="authentication_disallowed", stage="pipeline")


def username_of(provider: str, uid: str) -> str:
    """Return the name that makes two first sign-ins of one identity meet: `<provider>|<uid>`, or its digest if long."""
    name = f"{provider}|{uid}"
    return name if len(name) <= USERNAME_LENGTH else f"{provider}|{hashlib.sha256(name.encode()).hexdigest()}"


def enrol(
    backend: Any, uid: str, details: dict[str, Any], user: User | None = None, id_key: str = "", **_context: Any
) -> dict[str, Any] | None:
    """Make the person and the association in one transaction; whoever comes second finds what the first one made.

    Raise AuthAssociationError when the identifier is known under another claim: equal text need not be the same person.
    """
    if user is not None:
        return None
    with transaction.atomic():
        person, is_new = User.objects.get_or_create(username=username_of(backend.name, uid), defaults=details)
        if is_new:
            person.set_unusable_password()
            person.save(update_fields=["password"])
        wanted = {"user": person, "id_key": id_key}
        social, _ = UserSocialAuth.objects.get_or_create(provider=backend.name, uid=uid, defaults=wanted)
        if social.id_key != id_key:
            raise AuthAssociationError(backend, code="identifier_migration_conflict", stage="pipeline")
    return {"user": social.user, "social": social, "is_new": is_new, "new_association": is_new}
