"""Lets a personal API token in."""

from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.models import ApiToken
from tenants.services import tokens


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750 2.1)."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the person and the token; None when there is no bearer token; refuse one that is not good."""
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        row = tokens.find(token.decode("latin-1").strip())
        if row is None:
            raise AuthenticationFailed("The API token is not known, has expired or was revoked.", code="token_refused")
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 answer (RFC 9110 11.6.1)."""
        return f'Bearer realm="{request.get_host()}"'
