"""What the worker says of itself: that it is alive, and how the last comparison with Fusebit ended."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class WorkerPulse(models.Model):
    """One worker process and how it was a few seconds ago."""

    name = models.CharField(primary_key=True, max_length=120, help_text="Host and process.")
    beat_at = models.DateTimeField()
    started_at = models.DateTimeField()
    holding_back = models.CharField(max_length=40, blank=True, help_text="The cause for which it waits; empty: none.")
    clock_skew_s = models.FloatField(default=0)

    class Meta:
        """The liveliest first."""

        ordering = ["-beat_at"]

    def __str__(self) -> str:
        """Show which worker."""
        return self.name


class Comparison(models.Model):
    """One pass over all users at Fusebit, compared with our rows."""

    asked_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Empty until a worker takes it up.")
    finished_at = models.DateTimeField(null=True, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    applied = models.BooleanField(default=False, help_text="Differences were made due.")
    seen = models.PositiveIntegerField(default=0, help_text="Users at Fusebit.")
    counts: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    lines: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="What differs: verb, identity, Fusebit user, detail; the first thousand."
    )

    class Meta:
        """Newest first."""

        ordering = ["-asked_at"]

    def __str__(self) -> str:
        """Show when."""
        return f"{self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def summary(self) -> str:
        """Return what it found in one line."""
        if self.finished_at is None:
            return "not finished"
        return ", ".join(f"{number} {verb}" for verb, number in self.counts.items() if number) or "no difference"
