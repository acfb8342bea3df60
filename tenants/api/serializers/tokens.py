"""The shapes of tokens: personal ones, and those that call one function."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from tenants.api.serializers.strict import StrictSerializer
from tenants.models import ApiToken, CallToken, Scope


class TokenRow(serializers.ModelSerializer[ApiToken]):
    """A personal API token, without the token."""

    all_tenants = serializers.SerializerMethodField(help_text="Good for every tenant of the person.")

    class Meta:
        """How it begins, not how it goes on."""

        model = ApiToken
        fields = ["id", "name", "hint", "scope", "all_tenants", "created_at", "expires_at", "last_used_at"]

    def get_all_tenants(self, row: ApiToken) -> bool:
        """Tell whether the token is bound to no tenant."""
        return row.tenant_id is None


class MadeToken(TokenRow):
    """A new personal API token; it is in this answer and nowhere else."""

    token = serializers.CharField()

    class Meta(TokenRow.Meta):
        """The row and the token."""

        fields = [*TokenRow.Meta.fields, "token"]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "For a pipeline",
            value={"name": "CI", "scope": "write", "expires_at": "2030-01-01T00:00:00Z"},
            request_only=True,
        )
    ]
)
class NewToken(StrictSerializer):
    """The body of POST tokens."""

    name = serializers.CharField(max_length=80)
    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.WRITE)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class CallTokenRow(serializers.ModelSerializer[CallToken]):
    """A call token, without the token; it works while its state is `ready`."""

    state = serializers.CharField(source="fusebit_user.state", help_text="Of its user at Fusebit.")

    class Meta:
        """What it is for and until when."""

        model = CallToken
        fields = ["id", "name", "state", "created_at", "expires_at"]


class MadeCallToken(CallTokenRow):
    """A new call token, with ready examples; it is in this answer and nowhere else."""

    token = serializers.CharField()
    url = serializers.URLField(help_text="Where the function answers; empty while nothing is live.", allow_blank=True)

    class Meta(CallTokenRow.Meta):
        """The row and the token."""

        fields = [*CallTokenRow.Meta.fields, "token", "url"]


@extend_schema_serializer(
    examples=[
        OpenApiExample("For a shop", value={"name": "Shop", "expires_at": "2030-01-01T00:00:00Z"}, request_only=True)
    ]
)
class NewCallToken(StrictSerializer):
    """The body of POST function tokens."""

    name = serializers.CharField(max_length=80)
    expires_at = serializers.DateTimeField()
