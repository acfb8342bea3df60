"""A comparison with Fusebit as a whole: what differs, and, where it is applied, what is left in the end."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Comparison, FusebitUser
from tenants.services import audit, drift, provisioning, remote_users
from tenants.services.drift import Line

ROUNDS = 5


@dataclass(frozen=True)
class Outcome:
    """The differences; or, in `failure`, a sentence on why Fusebit could not be asked."""

    lines: tuple[Line, ...] = ()
    failure: str = ""

    @property
    def summary(self) -> str:
        """Return the numbers in one line."""
        counts = {verb: sum(line.verb == verb for line in self.lines) for verb in drift.VERBS}
        return ", ".join(f"{number} {verb}" for verb, number in counts.items())


def plan(*, apply: bool = False, actor: User | None = None) -> Outcome:
    """Return what differs now; with `apply`, rows that differ are made due."""
    try:
        return Outcome(tuple(drift.compare(apply=apply, actor=actor)))
    except door.FusebitError as error:
        reference = f" (request {error.reference_id})" if error.reference_id else ""
        return Outcome(failure=f"{error.message}{reference}")


def apply(*, actor: User | None = None) -> Outcome:
    """Make due what differs, take every due row as far as it goes, and return what still differs."""
    provisioning.heal()
    made_due = plan(apply=True, actor=actor)
    if made_due.failure:
        return made_due
    for _ in range(ROUNDS):
        due = list(FusebitUser.objects.due(timezone.now()))
        for row in due:
            remote_users.advance(row=row)
        if not due:
            break
    return plan(actor=actor)


def ask(*, apply: bool, actor: User) -> Comparison:
    """Write down that a comparison is wanted; a worker makes it, because it holds the client's key.

    With `apply`, what differs is brought in line.
    """
    with transaction.atomic():
        asked = Comparison.objects.create(asked_at=timezone.now(), applied=apply, actor=actor)
        action = "reconcile.applied" if apply else "reconcile.planned"
        audit.record(action=action, tenant=None, actor=actor, target=str(asked.pk))
    return asked


def take() -> Comparison | None:
    """Return one that was asked for and that nobody has begun, begun now."""
    asked = Comparison.objects.filter(started_at=None).order_by("asked_at").first()
    if asked is None or not Comparison.objects.filter(pk=asked.pk, started_at=None).update(started_at=timezone.now()):
        return None
    asked.refresh_from_db()
    return asked
