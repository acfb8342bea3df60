"""The shapes of tenants, people, and what they did."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from tenants.api.serializers.strict import StrictSerializer
from tenants.models import AuditEvent, Invitation, Membership, Role


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


class NewName(StrictSerializer):
    """The body of PATCH tenant: the label for people; slug and boundary never change."""

    name = serializers.CharField(max_length=120)


class MemberRow(serializers.ModelSerializer[Membership]):
    """A member and their role."""

    name = serializers.CharField(source="user.get_full_name")
    email = serializers.EmailField(source="user.email")

    class Meta:
        """Nothing of the person's other tenants."""

        model = Membership
        fields = ["id", "name", "email", "role", "created_at"]


@extend_schema_serializer(examples=[OpenApiExample("Promote", value={"role": "developer"}, request_only=True)])
class NewRole(StrictSerializer):
    """The body of PATCH member."""

    role = serializers.ChoiceField(choices=Role.choices)


class InvitationRow(serializers.ModelSerializer[Invitation]):
    """An open invitation, without its link."""

    class Meta:
        """For whom, as what, until when."""

        model = Invitation
        fields = ["id", "role", "label", "created_at", "expires_at"]


class MadeInvitation(InvitationRow):
    """A new invitation; the link is in this answer and nowhere else."""

    link = serializers.URLField()

    class Meta(InvitationRow.Meta):
        """The row and the link."""

        fields = [*InvitationRow.Meta.fields, "link"]


@extend_schema_serializer(
    examples=[OpenApiExample("A developer", value={"role": "developer", "label": "Grace"}, request_only=True)]
)
class NewInvitation(StrictSerializer):
    """The body of POST invitations."""

    role = serializers.ChoiceField(choices=Role.choices)
    label = serializers.CharField(  # type: ignore[assignment]  # the field of the row, not of the serializer
        max_length=120, required=False, allow_blank=True, default=""
    )


class AuditRow(serializers.ModelSerializer[AuditEvent]):
    """Who changed what."""

    actor = serializers.CharField(source="actor.get_full_name", default="")

    class Meta:
        """As it was written."""

        model = AuditEvent
        fields = ["id", "number", "at", "actor", "action", "target", "detail"]
