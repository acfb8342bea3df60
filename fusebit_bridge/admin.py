"""What operators see of keys: which they are and when they were used, never the keys."""

from typing import Any

from django.contrib import admin

from fusebit_bridge.models import Client, Rotation, SigningKey, TenantIssuer

KEY_FACTS = (
    "id", "purpose", "issuer_id", "key_id", "algorithm", "fingerprint", "created_at", "last_used_at",
    "promised_until",
)  # fmt: skip
CLIENT_FACTS = (
    "name", "base_url", "account_id", "subscription_id", "issuer_id", "subject", "audience", "key", "imported_at",
)  # fmt: skip
ISSUER_FACTS = ("issuer_id", "is_ours", "chosen", "registered_at", "key", "created_at")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that commands write and operators read."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Keys come from `import_client` only."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """No form changes a key."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """No click loses a key."""
        return False


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """The public facts of a key."""

    fields = KEY_FACTS
    readonly_fields = KEY_FACTS
    list_display = ["key_id", "purpose", "issuer_id", "algorithm", "fingerprint", "created_at", "last_used_at"]


@admin.register(Client)
class ClientAdmin(ReadOnlyAdmin):
    """Which Fusebit, and as whom."""

    fields = CLIENT_FACTS
    readonly_fields = CLIENT_FACTS
    list_display = ["name", "base_url", "account_id", "subscription_id", "imported_at"]


@admin.register(TenantIssuer)
class TenantIssuerAdmin(ReadOnlyAdmin):
    """The issuers under which tenants' identities live."""

    fields = ISSUER_FACTS
    readonly_fields = ISSUER_FACTS
    list_display = ["issuer_id", "is_ours", "chosen", "registered_at"]


@admin.register(Rotation)
class RotationAdmin(ReadOnlyAdmin):
    """Exchanges of keys, and how far they have come."""

    fields = readonly_fields = ("purpose", "step", "old_kid", "new_key", "begun_at", "switched_at", "ended_at")
    list_display = ["purpose", "step", "old_kid", "new_key", "begun_at", "switched_at", "ended_at"]
    list_select_related = ["new_key"]
