"""What the provider says of a person (OpenID Connect Core 5.1)."""

from collections.abc import Callable
from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator


class Claims(OAuth2Validator):  # type: ignore[misc]  # the library has no types
    """The bare user id as `sub`, so that the subject at Fusebit reads `local|1`."""

    oidc_claim_scope = {**OAuth2Validator.oidc_claim_scope, "preferred_username": "profile"}

    def get_additional_claims(self) -> dict[str, Callable[[Any], Any]]:
        """Return each claim with how to read it from the request."""
        return {
            "sub": lambda request: str(request.user.pk),
            "preferred_username": lambda request: request.user.username,
            "name": lambda request: request.user.get_full_name(),
            "given_name": lambda request: request.user.first_name,
            "family_name": lambda request: request.user.last_name,
            "email": lambda request: request.user.email,
            "email_verified": lambda _request: True,
        }
