"""Append-only rows: what was tried at Fusebit, and what people changed here."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from tenants.models.tenancy import Tenant


class ProvisioningEvent(models.Model):
    """One step towards what should be true at Fusebit, and what came of it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="provisioning_events")
    step = models.CharField(max_length=24, help_text="account, access, boundary or function.")
    subject = models.CharField(max_length=320, help_text="The identity or the function that it was about.")
    attempt = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=120)
    cause = models.CharField(max_length=40, blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True, help_text="For operators; holds no secret.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In the order in which it happened."""

        ordering = ["at", "pk"]

    def __str__(self) -> str:
        """Show the step and its outcome."""
        return f"{self.step} {self.subject}: {self.outcome}"


class AuditEvent(models.Model):
    """Who changed what; written in the same transaction as the change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="audit_events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=320, blank=True)
    detail: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Newest first."""

        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        """Show the action and its target."""
        return f"{self.action} {self.target}"
