"""Our steps in social-auth's pipeline: what fits, who is refused, and a person who comes for the first time."""

import time
import unicodedata
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from social_core.exceptions import AuthAssociationError, AuthPolicyError, AuthResponseError
from social_django.models import UserSocialAuth

from tenants.errors import NameTaken
from tenants.services import identities

CONFIRMED, LINKING = "confirmed_at", "linking"  # the session's keys
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
    """Raise where signing in must not go on: an account that is closed, or a browser that is signed in as another.

    Whoever is signed in and asked on their own page to add this provider, a few minutes ago, may; but not by what the
    provider remembers of the browser.
    """
    if user is None:
        return
    if not user.is_active:
        raise AuthPolicyError(backend, code="authentication_disallowed", stage="pipeline")
    if backend.is_again and time.time() - vouched_at(backend) > identities.CONFIRMED_FOR.total_seconds():
        raise AuthPolicyError(backend, code="not_asked_again", stage="pipeline")
    if social is None and not is_linking(backend):  # being in the same browser does not make the identity theirs
        raise AuthAssociationError(backend, code="identity_in_use", stage="pipeline")


def is_linking(backend: Any) -> bool:
    """Tell whether the person has confirmed that it is them and asked to add an identity of this provider."""
    asked = backend.strategy.session_get(LINKING) or {}
    return bool(asked.get("provider") == backend.name and time.time() < asked.get("until", 0))


def vouched_at(backend: Any) -> float:
    """Return when the provider saw the person sign in: now, unless it says that it was before."""
    told = getattr(backend, "vouched_at", None)
    return time.time() if told is None else min(told, time.time())


def confirm(backend: Any, social: Any = None, user: User | None = None, **_context: Any) -> None:
    """Remember when a provider last vouched for the person: some things need that to be recent."""
    if user is not None and social is not None and social.user_id == user.pk:
        backend.strategy.session_set(CONFIRMED, vouched_at(backend))


def enrol(
    backend: Any, uid: str, details: dict[str, Any], user: User | None = None, id_key: str = "", **context: Any
) -> dict[str, Any] | None:
    """Make the person and the association in one transaction; whoever comes second finds what the first one made.

    Raise AuthAssociationError when the identifier is known under another claim: equal text need not be the same person.
    """
    if user is not None:
        return _add(backend, uid, user, id_key) if context.get("social") is None else None
    with transaction.atomic():
        person, is_new = User.objects.get_or_create(
            username=identities.username_of(backend.name, uid), defaults=details
        )
        if is_new:
            person.set_unusable_password()
            person.save(update_fields=["password"])
        wanted = {"user": person, "id_key": id_key}
        social, _ = UserSocialAuth.objects.get_or_create(provider=backend.name, uid=uid, defaults=wanted)
        if social.id_key != id_key:
            raise AuthAssociationError(backend, code="identifier_migration_conflict", stage="pipeline")
    return {"user": social.user, "social": social, "is_new": is_new, "new_association": is_new}


def _add(backend: Any, uid: str, user: User, id_key: str) -> dict[str, Any]:
    """Add the identity to whoever is signed in and asked for it."""
    backend.strategy.session_pop(LINKING)
    try:
        social = identities.link(user=user, provider=backend.name, uid=uid, id_key=id_key)
    except NameTaken:
        raise AuthAssociationError(backend, code="identity_in_use", stage="pipeline") from None
    return {"user": user, "social": social, "is_new": False, "new_association": True}
