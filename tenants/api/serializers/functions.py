"""The shapes of functions, their versions and what is deployed."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from tenants.api.serializers.strict import StrictSerializer, Text
from tenants.models import Deployment, Function, FunctionVersion

TAG = r"\A[\w.-]+\Z"


class DeploymentRow(serializers.ModelSerializer[Deployment]):
    """What should answer and what does; `is_live` tells whether they are the same."""

    is_live = serializers.BooleanField(source="is_ready")
    version = serializers.IntegerField(source="version.number")
    live_version = serializers.IntegerField(source="live_version.number", default=None)

    class Meta:
        """No lease, no fence: those are ours."""

        model = Deployment
        fields = ["state", "is_live", "version", "live_version", "location", "error_code", "last_error", "reference_id"]


class FunctionRow(serializers.ModelSerializer[Function]):
    """A function in a list."""

    deployment = DeploymentRow()

    class Meta:
        """Without its code."""

        model = Function
        fields = ["name", "description", "tags", "keeps_bodies", "created_at", "deployment"]


class VersionRow(serializers.ModelSerializer[FunctionVersion]):
    """Who saved what, when and why."""

    author = serializers.CharField(source="author.get_full_name", default="")

    class Meta:
        """Without its code."""

        model = FunctionVersion
        fields = ["number", "message", "author", "created_at"]


class VersionDetail(VersionRow):
    """A version with all that it consists of; of secrets only the names."""

    secrets = serializers.SerializerMethodField()

    class Meta(VersionRow.Meta):
        """The list's columns and the code."""

        fields = [
            *VersionRow.Meta.fields,
            *("files", "configuration", "secrets", "compute", "schedule", "security", "routes"),
        ]

    def get_secrets(self, version: FunctionVersion) -> list[str]:
        """Return the names."""
        return sorted(version.secrets)


class FunctionDetail(FunctionRow):
    """A function with its latest version."""

    version = serializers.IntegerField(source="latest.number")
    files = serializers.JSONField(source="latest.files")
    configuration = serializers.JSONField(source="latest.configuration")
    compute = serializers.JSONField(source="latest.compute")
    schedule = serializers.JSONField(source="latest.schedule")
    security = serializers.JSONField(source="latest.security")
    routes = serializers.JSONField(source="latest.routes")
    secrets = serializers.SerializerMethodField()

    class Meta(FunctionRow.Meta):
        """The list's columns and the code."""

        fields = [
            *FunctionRow.Meta.fields,
            *("version", "files", "configuration", "secrets", "compute", "schedule", "security", "routes"),
        ]

    def get_secrets(self, function: Function) -> list[str]:
        """Return the names."""
        return sorted(function.latest.secrets)


@extend_schema_serializer(
    examples=[OpenApiExample("An empty one", value={"name": "order-created", "template": "blank"}, request_only=True)]
)
class NewFunction(StrictSerializer):
    """The body of POST functions."""

    name = Text(max_length=64, allow_blank=False)
    template = serializers.ChoiceField(choices=["blank", "hello", "webhook", "report", "api"], default="blank")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "As Fusebit answered, under another name",
            value={
                "name": "order-created",
                "specification": {
                    "id": "orders",
                    "nodejs": {"files": {"index.js": "module.exports = async (ctx) => ({ body: 1 });"}},
                    "configuration": {"CURRENCY": "EUR"},
                },
            },
            request_only=True,
        )
    ]
)
class ImportedFunction(StrictSerializer):
    """The body of POST import; without a name it is called as it was."""

    name = Text(max_length=64, required=False)
    specification = serializers.DictField()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Say what it is", value={"description": "Takes orders", "tags": ["shop"]}, request_only=True)
    ]
)
class FunctionAbout(StrictSerializer):
    """The body of PATCH function; what is left out stays as it is."""

    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.RegexField(TAG, max_length=40), max_length=20, required=False)
    keeps_bodies = serializers.BooleanField(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "One file",
            value={
                "files": {"index.js": "module.exports = async (ctx) => ({ body: { hello: ctx.query.name } });"},
                "message": "Greet by name",
            },
            request_only=True,
        )
    ]
)
class NewVersion(StrictSerializer):
    """The body of PUT function."""

    files = serializers.DictField(child=Text())
    message = serializers.CharField(required=False, allow_blank=True, max_length=300, default="")
    configuration = serializers.DictField(child=Text(), required=False)
    compute = serializers.DictField(required=False)
    schedule = serializers.DictField(child=Text(), required=False)
    security = serializers.DictField(required=False)
    routes = serializers.ListField(child=serializers.DictField(), required=False)


@extend_schema_serializer(examples=[OpenApiExample("An older one", value={"version": 3}, request_only=True)])
class WantedVersion(StrictSerializer):
    """The body of POST deploy: the latest version when none is named."""

    version = serializers.IntegerField(required=False, min_value=1)
