"""Tenants, who belongs to them, and the person's user at Fusebit."""

import base64
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from tenants.models.reconciled import Reconciled, State


def new_boundary_id() -> str:
    """Return `b-` and 80 random bits in base32: no name, no e-mail, never the same twice (contract 1.2)."""
    return "b-" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


class Role(models.TextChoices):
    """What a member may do; each maps to actions that are granted at Fusebit."""

    OWNER = "owner", "Owner"
    DEVELOPER = "developer", "Developer"
    VIEWER = "viewer", "Viewer"


class Tenant(models.Model):
    """A customer of the vendor: a label for people and a boundary, fixed for ever, at Fusebit."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    boundary_id = models.CharField(max_length=63, unique=True, default=new_boundary_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="Nobody has access while this is set.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Off-boarded: the row stays, and nothing else.")
    runs_cursor = models.CharField(max_length=64, blank=True, help_text="Up to where Fusebit's runs are copied.")
    runs_copied_at = models.DateTimeField(null=True, blank=True, help_text="When they were last asked for.")
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="tenants")

    class Meta:
        """In the order of creation."""

        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        """Show the label."""
        return self.name


class Membership(models.Model):
    """A person's role in a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One role per person and tenant."""

        ordering = ["created_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_role_per_member")]

    def __str__(self) -> str:
        """Show who is what where."""
        return f"{self.user} is {self.role} of {self.tenant}"


class FusebitUser(Reconciled):
    """A user at Fusebit: a person's, with exactly the union of the memberships, or that of a call token.

    Once it is `absent`, as when the person is deleted here, it should not be there; the row stays as a tombstone.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="fusebit_user",
        help_text="Empty for the user of a call token, and when the person is gone.",
    )
    issuer_id = models.CharField(max_length=255, blank=True, help_text="Empty until the bridge is configured.")
    subject = models.CharField(max_length=320, help_text="<provider>|<uid>, byte for byte.")
    remote_user_id = models.CharField("Fusebit user id", max_length=64, blank=True)
    absent = models.BooleanField(default=False, help_text="There should be no such user at Fusebit.")
    absent_since = models.DateTimeField(null=True, blank=True, help_text="Since when it was seen to be gone.")
    observed: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text="Identities and access as last seen at Fusebit."
    )
    asked: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="Access that may have been granted without having been seen."
    )

    class Meta(Reconciled.Meta):
        """One row per identity, and no READY without a user."""

        abstract = False
        verbose_name = "Fusebit user"
        constraints = [
            *Reconciled.Meta.constraints,
            models.UniqueConstraint(fields=["issuer_id", "subject"], name="one_fusebit_user_per_identity"),
            models.UniqueConstraint(
                fields=["remote_user_id"], condition=~Q(remote_user_id=""), name="one_row_per_remote_user"
            ),
            models.CheckConstraint(
                condition=~Q(state=State.READY) | ~Q(remote_user_id=""),
                name="ready_means_there_is_a_fusebit_user",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.DELETING, State.DELETED]) | Q(absent=True),
                name="only_the_absent_are_deleted",
            ),
        ]

    def __str__(self) -> str:
        """Show the identity."""
        return self.subject


class BoundaryPolicy(Reconciled):
    """What Fusebit is told of a tenant's boundary beyond who has access; made when an operator first suspends."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="policy")
    suspended = models.BooleanField(default=False, help_text="Runs should be refused and schedules stopped.")
    is_told = models.BooleanField(null=True, help_text="Whether Fusebit took it; a plain one has no policies.")

    class Meta(Reconciled.Meta):
        """READY means that the boundary is as wanted, or that this Fusebit has no policies."""

        abstract = False
        verbose_name_plural = "boundary policies"

    def __str__(self) -> str:
        """Show the boundary."""
        return self.tenant.boundary_id
