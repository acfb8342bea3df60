"""What operators see of invitations, tokens and secrets: whose, since when and until when, never what they are."""

from django.contrib import admin

from tenants import models
from tenants.admin.tables import ReadOnly


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Links that let somebody in."""

    list_display = ["tenant", "role", "label", "created_by", "created_at", "expires_at", "used_by", "revoked_at"]
    fields = ("tenant", "role", "label", "created_by", "created_at", "expires_at", "used_by", "revoked_at")
    list_filter = ["role"]
    search_fields = ["tenant__slug", "label"]
    list_select_related = ["tenant", "created_by", "used_by"]


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Personal tokens for the REST API."""

    list_display = ["name", "user", "tenant", "scope", "hint", "created_at", "last_used_at", "expires_at", "revoked_at"]
    fields = ("name", "user", "tenant", "scope", "hint", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ["scope"]
    search_fields = ["name", "user__email", "tenant__slug", "hint"]
    list_select_related = ["user", "tenant"]


@admin.register(models.CallToken)
class CallTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Tokens that call one function, each a Fusebit user."""

    list_display = ["name", "function", "fusebit_user", "created_by", "created_at", "expires_at", "revoked_at"]
    fields = ("name", "function", "fusebit_user", "created_by", "created_at", "expires_at", "revoked_at")
    search_fields = ["name", "function__name", "function__tenant__slug", "fusebit_user__remote_user_id"]
    list_select_related = ["function", "fusebit_user", "created_by"]


@admin.register(models.Secret)
class SecretAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Names of secrets, and who set them."""

    list_display = ["name", "function", "author", "created_at"]
    fields = ("name", "function", "author", "created_at")
    search_fields = ["name", "function__name", "function__tenant__slug"]
    list_select_related = ["function", "author"]
