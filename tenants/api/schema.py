"""What the OpenAPI document could not find out by itself: the token, and lists."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types
    """`Authorization: Bearer <token>`, as OpenAPI 3.1 4.8.27 names it."""

    target_class = "tenants.api.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, _auto_schema: object) -> dict[str, str]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "Made by `manage.py create_api_token`."}


def listed(row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a list answer: `{"items": [row, …]}`."""
    return inline_serializer(name=f"{row.__name__}s", fields={"items": row(many=True)})
