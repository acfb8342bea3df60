"""Functions, their immutable versions, and what is deployed."""

import uuid

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
    tags = models.JSONField(default=list, blank=True, help_text="Words to find it by.")
    keeps_bodies = models.BooleanField(default=False, help_text="Requests and answers are kept, encrypted, for a week.")
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
    secrets = models.JSONField(default=dict, blank=True, help_text="{NAME: id of a Secret}; never the values.")
    compute = models.JSONField(default=dict, blank=True)
    schedule = models.JSONField(default=dict, blank=True)
    security = models.JSONField(default=dict, blank=True)
    routes = models.JSONField(default=list, blank=True, help_text="Paths with rules of their own.")
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
    build_log = models.TextField(blank=True, help_text="What happened on the way, a line each.")
    remote_version = models.PositiveIntegerField(null=True, help_text="As Fusebit numbers what is live.")
    location = models.URLField(max_length=500, blank=True, help_text="As Fusebit gave it.")

    class Meta(Reconciled.Meta):
        """READY means that the wanted version answers."""

        abstract = False

    def __str__(self) -> str:
        """Show the version that should answer."""
        return str(self.version)


class Copy(models.Model):
    """A version that is deployed beside its function for a replay; written down first, gone when Fusebit has let go."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="copies")
    name = models.CharField(max_length=64, help_text="At Fusebit.")
    version = models.CharField(max_length=80, help_text="Of what it is a copy; a note.")
    left_over_at = models.DateTimeField(db_index=True, help_text="After this nobody can be using it any more.")

    class Meta:
        """A copy is nobody else's."""

        verbose_name_plural = "copies"
        ordering = ["left_over_at"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_copy_per_name")]

    def __str__(self) -> str:
        """Show the name at Fusebit."""
        return self.name


class Release(models.Model):
    """When a version went live, and how Fusebit numbers what it then held."""

    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="releases")
    version = models.ForeignKey(FunctionVersion, on_delete=models.CASCADE, related_name="+")
    remote_version = models.PositiveIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["function", "-at"])]

    def __str__(self) -> str:
        """Show the version."""
        return str(self.version)
