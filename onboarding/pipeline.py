"""Our one step in social-auth's pipeline: a person who comes for the first time."""

import hashlib
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from social_core.exceptions import AuthAssociationError
from social_django.models import UserSocialAuth

USERNAME_LENGTH = 150


def username_of(provider: str, uid: str) -> str:
    """Return the name that makes two first sign-ins of one identity meet: `<provider>|<uid>`, or its digest if long."""
    name = f"{provider}|{uid}"
    return name if len(name) <= USERNAME_LENGTH else f"{provider}|{hashlib.sha256(name.encode()).hexdigest()}"


def enrol(
    backend: Any, uid: str, details: dict[str, Any], user: User | None = None, id_key: str = "", **_context: Any
) -> dict[str, Any] | None:
    """Make the person and the association in one transaction; whoever comes second finds what the first one made.

    Somebody who is signed in already is left to the next step, which links the identity to them. Raise
    AuthAssociationError when the identifier is known under another claim: equal text need not be the same person.
    """
    if user is not None:
        return None
    named = {name: details.get(name) or "" for name in ("email", "first_name", "last_name")}
    with transaction.atomic():
        person, is_new = User.objects.get_or_create(username=username_of(backend.name, uid), defaults=named)
        if is_new:
            person.set_unusable_password()
            person.save(update_fields=["password"])
        wanted = {"user": person, "id_key": id_key}
        social, _ = UserSocialAuth.objects.get_or_create(provider=backend.name, uid=uid, defaults=wanted)
        if social.id_key != id_key:
            raise AuthAssociationError(code="identity_in_use", stage="pipeline")
    return {"user": social.user, "social": social, "is_new": is_new, "new_association": is_new}
