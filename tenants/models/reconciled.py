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


# From where a row may come into each state: drawn in docs/provisioning.md, enforced wherever a state is written.
MAY_COME_FROM: dict[str, frozenset[str]] = {
    State.PENDING: frozenset(State),
    State.READY: frozenset({State.PENDING, State.RETRY, State.BLOCKED, State.SUSPENDED, State.READY}),
    State.RETRY: frozenset({State.PENDING, State.READY, State.BLOCKED, State.SUSPENDED, State.RETRY}),
    State.BLOCKED: frozenset({State.PENDING, State.READY, State.RETRY, State.SUSPENDED, State.BLOCKED}),
    State.SUSPENDED: frozenset({State.PENDING, State.RETRY, State.BLOCKED, State.SUSPENDED, State.READY}),
    State.DELETING: frozenset(State),
    State.DELETED: frozenset({State.DELETING}),
}
AT_REST = (State.READY, State.SUSPENDED, State.DELETED)  # nothing to do until something changes
TROUBLED = (State.RETRY, State.BLOCKED)
# What a worker writes about its own progress; when something else is wanted meanwhile, only the rest is kept.
OF_THE_WISH = frozenset(
    {
        "state", "observed_gen", "attempts", "repeated", "next_attempt_at", "error_code", "last_error", "reference_id",
        "first_failed_at",
    }
)  # fmt: skip


class IllegalMove(Exception):
    """A state was to follow on one that it cannot follow on."""


class ReconciledQuerySet(models.QuerySet[Any]):
    """Finds and claims the rows that have work to do, and writes their states."""

    def due(self, now: datetime) -> Self:
        """Return rows whose time has come and that nobody holds, the longest waiting first."""
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return self.filter(free, next_attempt_at__lte=now).order_by("next_attempt_at", "pk")

    def claim(self, pk: Any, *, lease: timedelta, owner: str) -> bool:
        """Take the lease of row `pk` by one conditional UPDATE; False when somebody else holds it.

        `select_for_update(skip_locked=True)` is ignored on SQLite; this is right on both databases.
        """
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        held = {"lease_until": now + lease, "lease_owner": owner}
        return self.filter(free, pk=pk).update(**held, fence=F("fence") + 1, attempts=F("attempts") + 1) == 1

    def holders(self, now: datetime) -> set[str]:
        """Return who holds leases."""
        return set(self.filter(lease_until__gte=now).values_list("lease_owner", flat=True).distinct())

    def release(self, owners: set[str]) -> int:
        """Take back what processes held that are no more; should one live after all, its fence has moved on."""
        return self.filter(lease_owner__in=owners, lease_until__isnull=False).update(
            lease_until=None, fence=F("fence") + 1
        )

    def want(self, state: State = State.PENDING, **columns: Any) -> int:
        """Write down that something else is wanted from now on, to be looked at as soon as possible."""
        return self.filter(state__in=MAY_COME_FROM[state]).update(
            **{"next_attempt_at": timezone.now(), **columns},
            state=state,
            desired_gen=F("desired_gen") + 1,
            attempts=0,
            repeated=0,
            first_failed_at=None,
        )

    def settle(self, fence: int, generation: int, **columns: Any) -> bool:
        """Record what a worker found and give its lease back; False, and nothing written, when the fence has moved.

        When the wish has changed since the claim, what was learnt is kept and the row is due at once.
        """
        held = self.filter(fence=fence)
        now = timezone.now()
        columns = {"lease_until": None, "observed_at": now, **columns}
        allowed = held.filter(state__in=MAY_COME_FROM[columns["state"]]) if "state" in columns else held
        if allowed.filter(desired_gen=generation).update(**columns):
            return True
        learnt = {name: value for name, value in columns.items() if name not in OF_THE_WISH}
        if held.exclude(desired_gen=generation).update(**learnt, next_attempt_at=now):
            return True
        if held.exists():
            raise IllegalMove(f"no way to {columns.get('state')} from {held.values_list('state', flat=True)[0]}")
        return False

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
    repeated = models.PositiveIntegerField(default=0, help_text="How often in a row it met the same cause.")
    first_failed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is in trouble.")
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_index=True, default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=120, blank=True, help_text="Host and process.")
    fence = models.PositiveIntegerField(default=0)
    error_code = models.CharField("cause", max_length=40, blank=True)
    last_error = models.TextField(blank=True)
    reference_id = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReconciledQuerySet.as_manager()

    class Meta:
        """Shared by everything that is reconciled."""

        abstract = True
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="%(class)s_state_is_one_of_seven"),
            models.CheckConstraint(
                condition=Q(state__in=AT_REST) | Q(next_attempt_at__isnull=False), name="%(class)s_is_never_forgotten"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=TROUBLED) | ~Q(error_code=""), name="%(class)s_in_trouble_says_why"
            ),
            models.CheckConstraint(
                condition=Q(observed_gen__lte=F("desired_gen")), name="%(class)s_observed_is_not_ahead"
            ),
        ]

    @property
    def is_ready(self) -> bool:
        """Tell whether what should be true was last seen to be true."""
        return self.state == State.READY and self.observed_gen == self.desired_gen
