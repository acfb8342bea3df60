"""What ran, what it printed, and how a boundary is bounded."""

from django.db import models

from fusebit_platform.models.accounts import Subscription
from fusebit_platform.models.limits import ID_LENGTH


class BoundaryPolicy(models.Model):
    """What an operator has decided about a boundary; JSON in text columns, empty where nothing was decided."""

    number = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="policies")
    boundary_id = models.CharField(max_length=63)
    suspended = models.BooleanField(default=False)
    limits = models.TextField(default="{}")
    egress = models.TextField(default="{}")
    refused_keys = models.TextField(default="[]")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "boundary_id"], name="policy_once_per_boundary")]

    def __str__(self) -> str:
        return f"policy of {self.boundary_id}"


class JournalCounter(models.Model):
    """The last number given to a run or a log line; raised in the transaction that writes them.

    So numbers become visible in their order, whoever writes, and a reader that goes on after one misses nothing.
    """

    name = models.CharField(primary_key=True, max_length=16)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class Run(models.Model):
    """One call of a function, refused ones included; named by strings, because it outlives the function."""

    number = models.BigIntegerField(primary_key=True)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(null=True)
    method = models.CharField(max_length=16)
    path = models.TextField()
    status = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=8, blank=True)
    cause = models.CharField(max_length=16, blank=True)
    started_ms = models.BigIntegerField()  # since the epoch
    duration_ms = models.FloatField()
    cpu_ms = models.FloatField(null=True)
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    trace_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=4, default="http")
    details = models.TextField(default="{}")  # caller, permissions, missing, message as JSON

    class Meta:
        indexes = [
            models.Index(fields=["subscription_id", "boundary_id", "number"], name="runs_of_boundary"),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"


class LogLine(models.Model):
    """One line that a function printed, or what became of a call in words."""

    number = models.BigIntegerField(primary_key=True)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(null=True)
    trace_id = models.CharField(max_length=64)
    level = models.PositiveSmallIntegerField()
    message = models.TextField()
    printed_ms = models.BigIntegerField()  # since the epoch

    class Meta:
        indexes = [
            models.Index(fields=["subscription_id", "boundary_id", "number"], name="lines_of_boundary"),
            models.Index(fields=["trace_id"], name="lines_of_run"),
        ]

    def __str__(self) -> str:
        return f"line {self.number}"
