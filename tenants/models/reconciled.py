"""Rows that say what should be true at Fusebit, and what was last seen there."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class State(models.TextChoices):
    """Where a reconciled row stands; everything finer is in its error columns and in the ledger."""

    PENDING = "pending", "Pending"
    READY = "ready", "Ready"
    RETRY = "retry", "Retrying"
    BLOCKED = "blocked", "Blocked"
    SUSPENDED = "suspended", "Suspended"
    DELETING = "deleting", "Deleting"
    DELETED = "deleted", "Deleted"


class ReconciledQuerySet(models.QuerySet[Any]):
    """Finds and claims the rows that have work to do."""

    def due(self, now: datetime) -> Self:
        """Return rows whose time has come and that nobody holds, the longest waiting first."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return self.filter(free, next_attempt_at__lte=now).order_by("next_attempt_at", "pk")

    def claim(self, pk: Any, *, lease: timedelta) -> bool:
        """Take the lease of row `pk` by one conditional UPDATE; False when somebody else holds it.

        `select_for_update(skip_locked=True)` is ignored on SQLite; this is right on both databases.
        """
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return (
            self.filter(free, pk=pk).update(lease_until=now + lease, fence=F("fence") + 1, attempts=F("attempts") + 1)
            == 1
        )

    def make_due(self) -> int:
        """Ask for the rows to be looked at as soon as possible."""
        return self.update(next_attempt_at=timezone.now())


class Reconciled(models.Model):
    """Desired and observed generation, the next attempt and the lease of whoever works on the row."""

    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING, db_index=True)
    desired_gen = models.PositiveIntegerField(default=1)
    observed_gen = models.PositiveIntegerField(default=0)
    observed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Since the row was last in order.")
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_index=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    last_error = models.TextField(blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReconciledQuerySet.as_manager()

    class Meta:
        """Shared by everything that is reconciled."""

        abstract = True

    @property
    def is_ready(self) -> bool:
        """Tell whether what should be true was last seen to be true."""
        return self.state == State.READY and self.observed_gen == self.desired_gen
