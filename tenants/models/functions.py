"""Functions, their immutable versions, what is deployed, and the calls that were made."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from tenants.models.reconciled import Reconciled
from tenants.models.tenancy import Tenant


class Function(models.Model):
    """A function of a tenant; its code is in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="functions")
    name = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A name belongs to one function until that one is gone from Fusebit too."""

        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], condition=Q(deleted_at=None), name="one_function_per_name"
            )
        ]

    def __str__(self) -> str:
        """Show the name."""
        return self.name

    @property
    def latest(self) -> "FunctionVersion":
        """Return the newest version; there is always one."""
        return self.versions.latest("number")


class FunctionVersion(models.Model):
    """What was saved once, by whom and why; never changed afterwards."""

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    files = models.JSONField(help_text="{path: text}")
    configuration = models.JSONField(default=dict, blank=True)
    compute = models.JSONField(default=dict, blank=True)
    schedule = models.JSONField(default=dict, blank=True)
    security = models.JSONField(default=dict, blank=True)
    message = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Numbered from 1 within the function."""

        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["function", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        """Show the function and the number."""
        return f"{self.function.name} v{self.number}"


class Deployment(Reconciled):
    """Which version of a function should answer, and which one was last seen to."""

    function = models.OneToOneField(Function, on_delete=models.CASCADE, related_name="deployment")
    version = models.ForeignKey(FunctionVersion, on_delete=models.CASCADE, related_name="+", help_text="Should answer.")
    live_version = models.ForeignKey(
        FunctionVersion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Answers.",
    )
    absent = models.BooleanField(default=False, help_text="The function should not exist at Fusebit.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    build_id = models.CharField(max_length=80, blank=True)
    location = models.URLField(max_length=500, blank=True, help_text="As Fusebit gave it.")

    def __str__(self) -> str:
        """Show the version that should answer."""
        return str(self.version)


class Run(models.Model):
    """One call of a function through the site, refused ones too. Bodies are not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="runs")
    version_number = models.PositiveIntegerField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=2000, blank=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty when there was no answer.")
    duration_ms = models.FloatField(default=0)
    size = models.PositiveIntegerField(default=0, help_text="Bytes of the answer's body.")
    cause = models.CharField(max_length=24, blank=True, help_text="From the catalogue; empty when all went well.")
    message = models.TextField(blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    permissions: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="What the token of this call was allowed to do."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["function", "-created_at"])]

    def __str__(self) -> str:
        """Show what was called and what came back."""
        return f"{self.method} {self.function.name} {self.status or self.cause}"
