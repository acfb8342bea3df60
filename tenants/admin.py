"""What operators see: tenants, the state of every row at Fusebit, the ledger and the audit trail."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants import models
from tenants.services import provisioning

LEDGER = ("at", "step", "subject", "attempt", "outcome", "cause", "reference_id", "detail")


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values that occur, with a word for the empty one, which would be a link without a text."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what can be chosen."""
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "none"}


class ReadOnly:
    """Rows that services write and operators read."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Rows come from services only."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Named actions change things, forms do not."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Nothing is forgotten by a click."""
        return False

    def get_readonly_fields(self, *_args: Any) -> list[str]:
        """Show every field as text: no form is made of rows that no form changes."""
        shown: Sequence[str] = self.readonly_fields  # type: ignore[attr-defined]
        return [*(field.name for field in self.opts.fields), *shown]  # type: ignore[attr-defined]


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """A table on a tenant's page."""

    template = "admin/rows.html"
    extra = 0


class LedgerInline(ReadOnlyInline):
    """Every provisioning step of the tenant."""

    model = models.ProvisioningEvent
    fields = readonly_fields = LEDGER


class MembershipInline(ReadOnlyInline):
    """Who belongs to the tenant, with their user at Fusebit."""

    model = models.Membership
    fields = readonly_fields = ("user", "role", "fusebit_user", "access", "created_at")

    @admin.display(description="Fusebit user id")
    def fusebit_user(self, row: models.Membership) -> str:
        """Return the id at Fusebit."""
        found = models.FusebitUser.objects.filter(user=row.user_id).first()
        return found.remote_user_id if found else ""

    @admin.display(description="access")
    def access(self, row: models.Membership) -> str:
        """Return how the person's access stands."""
        found = models.FusebitUser.objects.filter(user=row.user_id).first()
        return found.get_state_display() if found else "none"


class FunctionInline(ReadOnlyInline):
    """The tenant's functions."""

    model = models.Function
    fields = readonly_fields = ("name", "deployment", "created_at", "deleted_at")


@admin.register(models.Tenant)
class TenantAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """A tenant with all that was done for it."""

    list_display = ["name", "slug", "boundary_id", "fusebit_users", "created_at"]
    search_fields = ["name", "slug", "boundary_id", "memberships__user__email"]
    fields = ["name", "slug", "boundary_id", "created_at"]
    inlines = [MembershipInline, FunctionInline, LedgerInline]
    actions = ["retry"]

    @admin.display(description="Fusebit user ids")
    def fusebit_users(self, tenant: models.Tenant) -> str:
        """Return the ids of the members at Fusebit."""
        rows = models.FusebitUser.objects.filter(user__memberships__tenant=tenant)
        return ", ".join(row.remote_user_id or row.get_state_display() for row in rows)

    @admin.action(description="Retry what is not in order", permissions=["view"])
    def retry(self, request: HttpRequest, queryset: QuerySet[models.Tenant]) -> None:
        """Have the tenants looked at as soon as possible."""
        for tenant in queryset:
            if isinstance(request.user, User):
                provisioning.retry(tenant=tenant, actor=request.user)
        self.message_user(request, f"{len(queryset)} tenants will be looked at now.", messages.SUCCESS)


class ReconciledAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """A row that is brought in line with Fusebit."""

    list_filter = ["state", ("error_code", ValuesFilter)]


@admin.register(models.FusebitUser)
class FusebitUserAdmin(ReconciledAdmin):
    """People's users at Fusebit."""

    list_display = ["subject", "remote_user_id", "state", "error_code", "attempts", "next_attempt_at", "reference_id"]
    search_fields = ["subject", "remote_user_id", "reference_id", "user__email"]


@admin.register(models.Deployment)
class DeploymentAdmin(ReconciledAdmin):
    """What should answer, and what does."""

    list_display = ["function", "version", "live_version", "state", "error_code", "attempts", "reference_id"]
    search_fields = ["function__name", "function__tenant__slug", "reference_id"]
    list_select_related = ["function", "version__function", "live_version__function"]


@admin.register(models.ProvisioningEvent)
class ProvisioningEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The ledger of all tenants."""

    list_display = ["at", "tenant", "step", "subject", "attempt", "outcome", "cause", "reference_id"]
    list_filter = ["step", "outcome", ("cause", ValuesFilter)]
    search_fields = ["reference_id", "subject", "tenant__slug"]
    list_select_related = ["tenant"]


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Who changed what."""

    list_display = ["at", "tenant", "actor", "action", "target"]
    list_filter = ["action"]
    search_fields = ["target", "tenant__slug", "actor__email"]
    list_select_related = ["tenant", "actor"]


@admin.register(models.Run)
class RunAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Calls that went through the site."""

    list_display = ["created_at", "function", "method", "status", "cause", "duration_ms", "reference_id"]
    list_filter = [("cause", ValuesFilter), "method"]
    search_fields = ["reference_id", "function__name", "function__tenant__slug"]
    list_select_related = ["function"]


@admin.register(models.Function)
class FunctionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Functions of all tenants; their code is the tenants' own."""

    list_display = ["name", "tenant", "created_at", "deleted_at"]
    search_fields = ["name", "tenant__slug"]
    list_select_related = ["tenant"]
    fields = ("name", "tenant", "description", "created_at", "deleted_at")
