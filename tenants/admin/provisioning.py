"""Rows that are brought in line with Fusebit, their ledger, the comparison, and what operators do about them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from tenants import models
from tenants.admin.tables import ReadOnly, ValuesFilter, ask, operator
from tenants.services import convergence, operations


class ReconciledAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """A row that is brought in line with Fusebit; `kind` is how the operations call it."""

    kind = ""
    list_filter = ["state", ("error_code", ValuesFilter)]
    actions = ["try_again"]

    @admin.action(description="Try again what is in trouble", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Have the selected rows looked at now."""
        keys = list(queryset.values_list("pk", flat=True))
        number = operations.retry_rows(kind=self.kind, keys=keys, actor=operator(request))
        self.message_user(request, f"Rows that will be looked at now: {number}.", messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that tries all rows of one cause again."""
        name = f"tenants_{self.opts.model_name}_alike"
        own = path("alike/<slug:cause>/", self.admin_site.admin_view(self.try_all_again), name=name)
        return [own, *super().get_urls()]

    def try_all_again(self, request: HttpRequest, cause: str) -> HttpResponse:
        """Say how many rows are in trouble for the cause, and try all of them again when that is confirmed."""
        back = f"{reverse(f'admin:tenants_{self.opts.model_name}_changelist')}?error_code={cause}"
        if request.method == "POST":
            number = operations.retry_alike(kind=self.kind, cause=cause, actor=operator(request))
            self.message_user(request, f"Rows that will be looked at now: {number}.", messages.SUCCESS)
            return HttpResponseRedirect(back)
        found = operations.alike(self.kind, cause)
        since = f", the first since {found.since:%Y-%m-%d %H:%M} UTC" if found.since else ""
        question = f"{self.kind.capitalize()} in trouble for {cause}{since}: {found.number}."
        question += " Each asks Fusebit two or three times."
        return ask(
            self, request, title=f"Try all again: {cause}", question=question, button="Try all again", back=back,
            examples=found.examples, more=found.number - len(found.examples), can_confirm=found.number > 0,
        )  # fmt: skip


@admin.register(models.FusebitUser)
class FusebitUserAdmin(ReconciledAdmin):
    """People's users at Fusebit."""

    kind = "users"
    list_display = ["subject", "remote_user_id", "state", "error_code", "attempts", "next_attempt_at", "reference_id"]
    search_fields = ["subject", "remote_user_id", "reference_id", "user__email"]


@admin.register(models.Deployment)
class DeploymentAdmin(ReconciledAdmin):
    """What should answer, and what does."""

    kind = "deployments"
    list_display = ["function", "version", "live_version", "state", "error_code", "attempts", "reference_id"]
    search_fields = ["function__name", "function__tenant__slug", "reference_id"]
    list_select_related = ["function", "version__function", "live_version__function"]


@admin.register(models.BoundaryPolicy)
class BoundaryPolicyAdmin(ReconciledAdmin):
    """What Fusebit was told of whole boundaries."""

    kind = "policies"
    list_display = ["tenant", "suspended", "is_told", "state", "error_code", "attempts", "reference_id"]
    search_fields = ["tenant__slug", "tenant__boundary_id", "reference_id"]
    list_select_related = ["tenant"]


@admin.register(models.Copy)
class CopyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Versions that are deployed for a replay just now, or were left over by one."""

    list_display = ["name", "tenant", "version", "left_over_at"]
    search_fields = ["name", "tenant__slug"]
    list_select_related = ["tenant"]


@admin.register(models.ProvisioningEvent)
class ProvisioningEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The ledger of all tenants, with what was said to Fusebit and what it answered."""

    list_display = ["at", "tenant", "step", "subject", "attempt", "state", "outcome", "cause", "reference_id"]
    list_filter = ["step", ("state", ValuesFilter), ("cause", ValuesFilter)]
    search_fields = ["reference_id", "subject", "tenant__slug"]
    list_select_related = ["tenant"]
    date_hierarchy = "at"
    fields = (
        "at", "tenant", "step", "subject", "attempt", "state", "outcome", "cause", "reference_id", "detail", "said",
    )  # fmt: skip
    readonly_fields = ("said",)

    @admin.display(description="said to Fusebit, and its answers")
    def said(self, event: models.ProvisioningEvent) -> SafeString:
        """Return the exchanges, one under the other."""
        lines = [
            f"{entry['request']}\n  → {entry['status'] or 'no answer'} in {entry['duration_ms']} ms,"
            f" request {entry['reference_id']}\n  {entry['answer']}"
            for entry in event.exchanges
        ]
        return format_html("<pre>{}</pre>", "\n\n".join(lines) or "Nothing.")


@admin.register(models.Comparison)
class ComparisonAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Comparisons with Fusebit: asked for here, made by a worker, which has the client's key."""

    list_display = ["asked_at", "actor", "applied", "started_at", "finished_at", "seen", "summary"]
    list_filter = ["applied"]
    list_select_related = ["actor"]
    fields = ("asked_at", "actor", "applied", "started_at", "finished_at", "seen", "summary", "differences")
    readonly_fields = ("differences",)

    @admin.display(description="differences")
    def differences(self, comparison: models.Comparison) -> SafeString:
        """Return the lines as a table would print them."""
        lines = [
            f"{line['verb']:<8} {line['subject']:<40} {line['fusebit_user']:<24} {line['detail']}"
            for line in comparison.lines
        ]
        return format_html("<pre>{}</pre>", "\n".join(lines) or "None.")

    def get_urls(self) -> list[URLPattern]:
        """Add the two things that can be asked for."""
        view = self.admin_site.admin_view
        own = [
            path("ask/", view(require_POST(self.ask_for_plan)), name="tenants_comparison_ask"),
            path("<int:pk>/apply/", view(self.apply), name="tenants_comparison_apply"),
        ]
        return [*own, *super().get_urls()]

    def ask_for_plan(self, request: HttpRequest) -> HttpResponse:
        """Have a worker compare, and change nothing."""
        asked = convergence.ask(apply=False, actor=operator(request))
        self.message_user(request, "A worker compares now; look again in a moment.", messages.SUCCESS)
        return redirect("admin:tenants_comparison_change", asked.pk)

    def apply(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a worker compare once more and bring in line what differs then, when that is confirmed."""
        comparison = get_object_or_404(models.Comparison, pk=pk)
        back = reverse("admin:tenants_comparison_change", args=[pk])
        if request.method == "POST":
            asked = convergence.ask(apply=True, actor=operator(request))
            self.message_user(request, "A worker brings Fusebit in line now.", messages.SUCCESS)
            return redirect("admin:tenants_comparison_change", asked.pk)
        shown = [f"{line['verb']} {line['subject']} {line['detail']}" for line in comparison.lines[:10]]
        question = f"Fusebit is compared once more and brought in line. It was so: {comparison.summary}."
        return ask(
            self, request, title="Apply", question=f"{question} Orphans and foreign owners are not touched.",
            button="Apply", back=back, examples=shown, more=max(0, len(comparison.lines) - 10),
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer to apply what is a plan so far."""
        shown = models.Comparison.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        offered = bool(shown and shown.finished_at and not shown.applied and shown.lines)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "can_apply": offered})


@admin.register(models.WorkerPulse)
class WorkerPulseAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The workers of the last hour."""

    list_display = ["name", "started_at", "beat_at", "holding_back", "clock_skew_s"]
