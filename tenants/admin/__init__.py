"""What operators see: tenants, the state of every row at Fusebit, the ledger and the audit trail."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants import models
from tenants.admin import access as access_tables
from tenants.admin import provisioning as provisioning_tables
from tenants.admin.tables import ReadOnly, ReadOnlyInline, ValuesFilter, ask, operator
from tenants.services import mirroring, offboarding, operations, provisioning

__all__ = ["access_tables", "provisioning_tables"]

LEDGER = ("at", "step", "subject", "attempt", "state", "outcome", "cause", "reference_id", "detail")


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

    list_display = ["name", "slug", "boundary_id", "fusebit_users", "created_at", "suspended_at", "ended_at"]
    search_fields = ["name", "slug", "boundary_id", "memberships__user__email"]
    fields = ["name", "slug", "boundary_id", "created_at", "suspended_at", "ended_at"]
    inlines = [MembershipInline, FunctionInline, LedgerInline]
    list_filter = [("suspended_at", admin.EmptyFieldListFilter), ("ended_at", admin.EmptyFieldListFilter)]
    actions = ["retry", "suspend", "resume", "end"]

    @admin.display(description="Fusebit user ids")
    def fusebit_users(self, tenant: models.Tenant) -> str:
        """Return the ids of the members at Fusebit."""
        rows = models.FusebitUser.objects.filter(user__memberships__tenant=tenant)
        return ", ".join(row.remote_user_id or row.get_state_display() for row in rows)

    @admin.action(description="Retry what is not in order", permissions=["view"])
    def retry(self, request: HttpRequest, queryset: QuerySet[models.Tenant]) -> None:
        """Have the tenants looked at as soon as possible."""
        for tenant in queryset:
            provisioning.retry(tenant=tenant, actor=operator(request))
        self.message_user(request, f"Tenants that will be looked at now: {len(queryset)}.", messages.SUCCESS)

    @admin.action(description="Suspend…", permissions=["view"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[models.Tenant]) -> HttpResponse | None:
        """Take everybody's access away, when that is confirmed."""
        if "confirmed" not in request.POST:
            people = models.Membership.objects.filter(tenant__in=queryset).order_by().values("user").distinct().count()
            stops = "This Fusebit has no policies: what anybody may call, and schedules, go on."
            if mirroring.standing(mirroring.POLICY) != mirroring.UNREPORTED:
                stops = "Their functions stop."
            words = f"Tenants: {len(queryset)}. People who lose access at Fusebit: {people}. {stops}"
            return self._ask(request, queryset, "Suspend", words)
        done = sum(operations.suspend(tenant=tenant, actor=operator(request)) for tenant in queryset)
        self.message_user(request, f"Tenants that are being suspended: {done}.", messages.SUCCESS)
        return None

    @admin.action(description="Resume…", permissions=["view"])
    def resume(self, request: HttpRequest, queryset: QuerySet[models.Tenant]) -> HttpResponse | None:
        """Give access back, when that is confirmed."""
        if "confirmed" not in request.POST:
            return self._ask(request, queryset, "Resume", f"Tenants that get their access back: {len(queryset)}.")
        done = sum(operations.resume(tenant=tenant, actor=operator(request)) for tenant in queryset)
        self.message_user(request, f"Tenants that are being resumed: {done}.", messages.SUCCESS)
        return None

    @admin.action(description="End for good…", permissions=["view"])
    def end(self, request: HttpRequest, queryset: QuerySet[models.Tenant]) -> HttpResponse | None:
        """Off-board, when that is confirmed."""
        if "confirmed" not in request.POST:
            words = (
                f"Tenants that end for good: {len(queryset)}. Their members cannot open them any more, their secrets"
                " and kept requests become unreadable at once, and their functions are deleted at Fusebit."
                " Nothing undoes this."
            )
            return self._ask(request, queryset, "End", words)
        done = sum(offboarding.end(tenant=tenant, actor=operator(request)) for tenant in queryset)
        self.message_user(
            request, f"Tenants that have ended: {done}. Fusebit is being cleared of them.", messages.SUCCESS
        )
        return None

    def _ask(self, request: HttpRequest, chosen: QuerySet[models.Tenant], verb: str, question: str) -> HttpResponse:
        names = [str(tenant) for tenant in chosen[:10]]
        hidden = [("action", verb.lower()), *(("_selected_action", str(tenant.pk)) for tenant in chosen)]
        return ask(
            self, request, title=f"{verb} tenants", question=question, button=verb, examples=names, hidden=hidden,
            more=len(chosen) - len(names), back=reverse("admin:tenants_tenant_changelist"),
        )  # fmt: skip


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Who changed what."""

    list_display = ["at", "number", "tenant", "actor", "action", "target", "detail"]
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
