"""The calls that were made, what was sent with some of them, and the requests that people keep."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models.functions import Function
from tenants.models.tenancy import Tenant


class Run(models.Model):
    """One call of a function, refused ones too: made through the site, or reported by Fusebit, or both.

    `trace_id` joins the two: Fusebit answers with it and reports under it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="runs")
    function = models.ForeignKey(
        Function, null=True, blank=True, on_delete=models.CASCADE, related_name="runs", help_text="Empty: no such one."
    )
    function_name = models.CharField(max_length=64)
    version_number = models.PositiveIntegerField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=8, default="http", help_text="http, cron or task.")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=2000, blank=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty when there was no answer.")
    source = models.CharField(max_length=12, blank=True, help_text="Who answered: function, provider, proxy.")
    duration_ms = models.FloatField(default=0)
    cpu_ms = models.FloatField(null=True)
    size = models.PositiveIntegerField(default=0, help_text="Bytes of the answer's body.")
    request_size = models.PositiveIntegerField(default=0, help_text="Bytes of the request's body.")
    cause = models.CharField(max_length=24, blank=True, help_text="From the catalogue; empty when all went well.")
    message = models.TextField(blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    trace_id = models.CharField(max_length=64, blank=True)
    remote_id = models.CharField(max_length=40, blank=True, help_text="As Fusebit numbers it.")
    caller: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    permissions: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="What the token of this call was allowed to do."
    )
    missing: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text="The statement whose absence refused it."
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        """Newest first; a call that Fusebit reported is there once."""

        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["function", "-created_at"]),
            models.Index(fields=["tenant", "-created_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "remote_id"], condition=~Q(remote_id=""), name="one_run_per_remote_run"
            ),
            models.UniqueConstraint(fields=["tenant", "trace_id"], condition=~Q(trace_id=""), name="one_run_per_trace"),
        ]

    def __str__(self) -> str:
        """Show what was called and what came back."""
        return f"{self.method} {self.function_name} {self.status or self.cause}"


class RunBody(models.Model):
    """What was sent and what was answered, encrypted, until it expires."""

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="body")
    sealed = models.TextField(editable=False)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        """Show whose it is, not what it is."""
        return f"Body of {self.run_id}"


class Case(models.Model):
    """A request that people keep with a function, by name."""

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=80)
    request = models.JSONField(help_text="The fields of the test panel.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """By name."""

        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["function", "name"], name="one_case_per_name")]

    def __str__(self) -> str:
        """Show the name."""
        return self.name
