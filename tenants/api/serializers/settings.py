"""The shapes of configuration and secrets."""

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from tenants.api.serializers.strict import Text


class SecretRow(serializers.Serializer[Any]):
    """A secret as far as it may be known."""

    name = serializers.CharField()
    set_at = serializers.DateTimeField()
    set_by = serializers.CharField()


class SecretList(serializers.Serializer[Any]):
    """The secrets of the latest version, and whether that one answers."""

    items = SecretRow(many=True)
    version = serializers.IntegerField(help_text="The latest version.")
    live_version = serializers.IntegerField(allow_null=True, help_text="The one that answers.")
    pending = serializers.ListField(child=serializers.CharField(), help_text="Names that a deployment would apply.")


class ConfigurationList(serializers.Serializer[Any]):
    """The plain configuration of the latest version, and whether that one answers."""

    items = serializers.DictField(child=serializers.CharField())
    version = serializers.IntegerField(help_text="The latest version.")
    live_version = serializers.IntegerField(allow_null=True, help_text="The one that answers.")
    pending = serializers.ListField(child=serializers.CharField(), help_text="Names that a deployment would apply.")


class Patch(serializers.DictField):
    """`{NAME: value}`, null to remove; names that are not mentioned stay as they are."""

    child = Text(allow_null=True)


PATCH = {
    "application/json": {
        "type": "object",
        "description": Patch.__doc__,
        "additionalProperties": {"type": ["string", "null"]},
    }
}
PATCH_EXAMPLES = [
    OpenApiExample("Set one, remove one", value={"STRIPE_KEY": "sk_live_1234", "OLD_KEY": None}, request_only=True)
]
