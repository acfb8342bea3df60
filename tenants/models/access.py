"""How people get in: invitations to a tenant, tokens for the REST API, tokens that call one function."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from tenants.models.functions import Function
from tenants.models.tenancy import FusebitUser, Role, Tenant


class Invitation(models.Model):
    """A link that makes whoever follows it first a member; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Role.choices)
    label = models.CharField(max_length=120, blank=True, help_text="For whom it is; a note, not a condition.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at"]

    def __str__(self) -> str:
        """Show the role and for whom it is."""
        return f"{self.role} {self.label}".strip()


class Scope(models.TextChoices):
    """What an API token may do of what its person may; each includes those before it."""

    READ = "read", "Read"
    RUN = "run", "Read and run functions"
    WRITE = "write", "Read, run and change functions"
    MANAGE = "manage", "Everything, members and tokens too"


class ApiToken(models.Model):
    """A personal API token; only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="api_tokens",
        help_text="Empty: all of the person's.",
    )
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.MANAGE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text="How the token begins.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        verbose_name = "API token"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class CallToken(models.Model):
    """The right to call one function until a date, held by a Fusebit user of its own; the token is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="call_tokens")
    fusebit_user = models.OneToOneField(FusebitUser, on_delete=models.PROTECT, related_name="call_token")
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at"]

    def __str__(self) -> str:
        """Show the name."""
        return self.name


class Allowance(models.Model):
    """How much of a rate somebody has used since its time began; shared by all processes of the site."""

    who = models.CharField(max_length=80, help_text="A person, or an address where nobody is signed in.")
    what = models.CharField(max_length=16, help_text="Which rate.")
    since = models.DateTimeField(db_index=True)
    used = models.PositiveIntegerField()

    class Meta:
        """One row per rate and person."""

        constraints = [models.UniqueConstraint(fields=["who", "what"], name="one_allowance_per_rate")]

    def __str__(self) -> str:
        """Show whose it is."""
        return f"{self.who} {self.what}"


class KeptAnswer(models.Model):
    """What the API answered to a request that named an idempotency key, so that a repetition gets the same."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request is at work.")
    headers: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    sealed = models.TextField(blank=True, editable=False, help_text="The body, encrypted.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """One answer per person, tenant and key."""

        constraints = [models.UniqueConstraint(fields=["user", "tenant", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        """Show the key."""
        return self.key

    @property
    def context(self) -> tuple[str, ...]:
        """Return what the ciphertext is bound to: table, column, row and purpose."""
        return (self._meta.db_table, "sealed", str(self.pk), "answer")
