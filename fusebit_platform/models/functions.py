"""Functions, their packages and builds, and the runs that were asked for."""

from django.db import models

from fusebit_platform.models.accounts import Subscription
from fusebit_platform.models.limits import ID_LENGTH


class Function(models.Model):
    """A function: its specification as text, so that the order of keys survives, and what is derived from it."""

    number = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="functions")
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    specification = models.TextField()
    rendered = models.TextField()  # security and routes with their resources rendered, as JSON
    runtime = models.CharField(max_length=16, default="node14")
    schedule = models.TextField(default="{}")
    tags = models.TextField(default="{}")
    version = models.PositiveIntegerField(default=1)
    revision = models.CharField(max_length=32)  # changes on every stored PUT
    redirect_url = models.TextField(blank=True, default="")
    due_ms = models.BigIntegerField(null=True, blank=True, db_index=True)  # when it runs next by its schedule
    packages = models.CharField(max_length=64, blank=True, default="", db_index=True)  # key of its PackageSet, if any
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "boundary_id", "function_id"], name="function_once_per_boundary"
            )
        ]

    def __str__(self) -> str:
        return f"{self.boundary_id}/{self.function_id}"


class PackageSet(models.Model):
    """The packages of a lockfile, built once for the whole deployment; `failure` is JSON (contract 5.3)."""

    key = models.CharField(primary_key=True, max_length=64)  # sha256 of lockfile and Node.js version
    lockfile = models.TextField()
    used_ms = models.BigIntegerField(default=0)  # when a version last asked for it, since the epoch
    failures = models.PositiveIntegerField(default=0)
    retry_ms = models.BigIntegerField(default=0)  # no other attempt before, since the epoch
    failure = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.key


class FunctionBuild(models.Model):
    """A version of a function that waits for its packages (contract 5.5)."""

    class State(models.TextChoices):
        """How far it got, in the words of the wire."""

        BUILDING = "building"
        SUCCESS = "success"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=ID_LENGTH)
    account_id = models.CharField(max_length=ID_LENGTH)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    package_set = models.ForeignKey(PackageSet, on_delete=models.CASCADE, related_name="builds")
    state = models.CharField(max_length=8, choices=State, default=State.BUILDING)
    transitions = models.TextField()  # JSON: when each state was reached
    draft = models.TextField()  # JSON: what is written when the packages are there
    failure = models.TextField(blank=True, default="")
    created_ms = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return self.id


class TaskRun(models.Model):
    """A run that was asked for and happens later; moments are milliseconds since the epoch (contract 6.7)."""

    class State(models.TextChoices):
        """How far it got, in the words of the wire."""

        PENDING = "pending"
        RUNNING = "running"
        COMPLETED = "completed"
        ERROR = "error"

    number = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=ID_LENGTH, unique=True)
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="task_runs")
    route = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    request = models.TextField()  # what ctx will say of it, as JSON
    scheduled_ms = models.BigIntegerField()
    due_ms = models.BigIntegerField()
    is_delayed = models.BooleanField(default=False)
    started_ms = models.BigIntegerField(null=True, blank=True)
    ended_ms = models.BigIntegerField(null=True, blank=True, db_index=True)
    lease_ms = models.BigIntegerField(null=True, blank=True)  # until when its process vouches for it
    result = models.TextField(blank=True, default="")  # {"output": …} or {"error": …}

    class Meta:
        indexes = [
            models.Index(fields=["state", "due_ms"], name="task_runs_that_are_due"),
            models.Index(fields=["function", "state"], name="task_runs_of_function"),
        ]

    def __str__(self) -> str:
        return self.id
