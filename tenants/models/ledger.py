"""Append-only rows: what was tried at Fusebit, and what people changed here."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants.models.tenancy import Tenant


class ProvisioningEvent(models.Model):
    """One step towards what should be true at Fusebit, and what came of it; a database trigger keeps it unchanged."""

    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="provisioning_events")
    step = models.CharField(max_length=24, help_text="account, access, boundary, function or policy.")
    subject = models.CharField(max_length=320, help_text="The identity or the function that it was about.")
    attempt = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=16, blank=True, help_text="Where the row stood afterwards.")
    outcome = models.CharField(max_length=120)
    cause = models.CharField(max_length=40, blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True, help_text="For operators; holds no secret.")
    exchanges: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="What was said to Fusebit and what it answered, without secrets."
    )
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """In the order in which it happened."""

        ordering = ["at", "pk"]

    def __str__(self) -> str:
        """Show the step and its outcome."""
        return f"{self.step} {self.subject}: {self.outcome}"


class AuditChain(models.Model):
    """The head of a chain of audit rows: how many there are, and the mark of the last; one chain per tenant."""

    name = models.CharField(max_length=36, primary_key=True, help_text="The tenant's id, or `site`.")
    length = models.PositiveIntegerField(default=0)
    mark = models.CharField(max_length=72, blank=True)

    def __str__(self) -> str:
        """Show whose chain it is."""
        return self.name


class AuditEvent(models.Model):
    """Who changed what; written in the same transaction as the change, never changed, chained to the row before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="audit_events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=320, blank=True)
    detail: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    chain = models.CharField(max_length=36, blank=True, editable=False, help_text="The tenant's id, or `site`.")
    number = models.PositiveIntegerField(null=True, editable=False, help_text="In the chain, from 1 without a gap.")
    actor_ref = models.CharField(max_length=40, blank=True, editable=False, help_text="Stays when the person is gone.")
    mark = models.CharField(max_length=72, blank=True, editable=False, help_text="Of this row and the mark before it.")

    class Meta:
        """Newest first."""

        ordering = ["-at", "-number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="one_row_per_link")]

    def __str__(self) -> str:
        """Show the action and its target."""
        return f"{self.action} {self.target}"
