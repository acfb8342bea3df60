"""The shapes that the API takes and gives."""

from typing import Any

from rest_framework import serializers

from tenants.models import ApiToken, AuditEvent, Deployment, Function, FunctionVersion, Membership, Run


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the names of the fields before their values."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string as it was sent: numbers are not turned into one, blanks at its ends stay."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is not a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class TenantRow(serializers.ModelSerializer[Membership]):
    """A tenant as one of its members sees it."""

    slug = serializers.CharField(source="tenant.slug")
    name = serializers.CharField(source="tenant.name")
    boundary = serializers.CharField(source="tenant.boundary_id")
    created_at = serializers.DateTimeField(source="tenant.created_at")

    class Meta:
        """The member's role beside the tenant's own columns."""

        model = Membership
        fields = ["slug", "name", "boundary", "role", "created_at"]


class DeploymentRow(serializers.ModelSerializer[Deployment]):
    """What should answer and what does."""

    version = serializers.IntegerField(source="version.number")
    live_version = serializers.IntegerField(source="live_version.number", default=None)

    class Meta:
        """No lease, no fence: those are ours."""

        model = Deployment
        fields = ["state", "version", "live_version", "location", "error_code", "last_error", "reference_id"]


class FunctionRow(serializers.ModelSerializer[Function]):
    """A function in a list."""

    deployment = DeploymentRow()

    class Meta:
        """Without its code."""

        model = Function
        fields = ["name", "description", "created_at", "deployment"]


class VersionRow(serializers.ModelSerializer[FunctionVersion]):
    """Who saved what, when and why."""

    author = serializers.CharField(source="author.get_full_name", default="")

    class Meta:
        """Without its code."""

        model = FunctionVersion
        fields = ["number", "message", "author", "created_at"]


class FunctionDetail(FunctionRow):
    """A function with its latest version."""

    version = serializers.IntegerField(source="latest.number")
    files = serializers.JSONField(source="latest.files")
    configuration = serializers.JSONField(source="latest.configuration")
    compute = serializers.JSONField(source="latest.compute")
    schedule = serializers.JSONField(source="latest.schedule")
    security = serializers.JSONField(source="latest.security")

    class Meta(FunctionRow.Meta):
        """The list's columns and the code."""

        fields = [
            *FunctionRow.Meta.fields,
            *("version", "files", "configuration", "compute", "schedule", "security"),
        ]


class NewFunction(StrictSerializer):
    """The body of POST functions."""

    name = serializers.CharField(max_length=64)
    template = serializers.ChoiceField(choices=["blank", "hello"], default="blank")


class NewVersion(StrictSerializer):
    """The body of PUT function."""

    files = serializers.DictField(child=Text())
    message = serializers.CharField(required=False, allow_blank=True, max_length=300, default="")
    configuration = serializers.DictField(child=Text(), required=False)
    compute = serializers.DictField(required=False)
    schedule = serializers.DictField(child=Text(), required=False)
    security = serializers.DictField(required=False)


class WantedVersion(StrictSerializer):
    """The body of POST deploy: the latest version when none is named."""

    version = serializers.IntegerField(required=False, min_value=1)


class Invocation(StrictSerializer):
    """The body of POST invoke; an object as `body` is sent as JSON, a string as it is."""

    method = serializers.ChoiceField(choices=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], default="GET")
    path = Text(required=False, max_length=2000, default="")
    query = serializers.DictField(child=Text(), required=False, default=dict)
    headers = serializers.DictField(child=Text(), required=False, default=dict)
    body = serializers.JSONField(required=False, default=None, allow_null=True)


class RunRow(serializers.ModelSerializer[Run]):
    """A call that was made."""

    class Meta:
        """Everything that is kept of it."""

        model = Run
        fields = [
            *("id", "created_at", "method", "path", "status", "duration_ms", "size", "version_number"),
            *("cause", "message", "reference_id", "permissions"),
        ]


class InvocationAnswer(serializers.Serializer[Any]):
    """What the function answered, whatever it was."""

    status = serializers.IntegerField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.JSONField(help_text="Parsed when the function answered JSON, else text.")
    duration_ms = serializers.FloatField()
    run = RunRow()


class TokenRow(serializers.ModelSerializer[ApiToken]):
    """A personal API token, without the token."""

    class Meta:
        """How it begins, not how it goes on."""

        model = ApiToken
        fields = ["id", "name", "hint", "created_at", "expires_at", "last_used_at"]


class NewToken(StrictSerializer):
    """The body of POST tokens."""

    name = serializers.CharField(max_length=80)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class MemberRow(serializers.ModelSerializer[Membership]):
    """A member and their role."""

    name = serializers.CharField(source="user.get_full_name")
    email = serializers.EmailField(source="user.email")

    class Meta:
        """Nothing of the person's other tenants."""

        model = Membership
        fields = ["name", "email", "role", "created_at"]


class AuditRow(serializers.ModelSerializer[AuditEvent]):
    """Who changed what."""

    actor = serializers.CharField(source="actor.get_full_name", default="")

    class Meta:
        """As it was written."""

        model = AuditEvent
        fields = ["id", "at", "actor", "action", "target", "detail"]
