"""The claim, the record and the retry that all reconciled rows share.

A row is claimed by one conditional UPDATE, worked on without a transaction, and recorded under the fence of the
claim: a worker that was paused past its lease finds the fence moved and its late result is dropped.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import ProvisioningEvent, Reconciled, State, Tenant
from tenants.services import causes, process

LEASE = timedelta(seconds=60)
RETRY_BASE_S = 1.0
RETRY_CAP_S = 300.0
RETRY_LEAST_CAP_S = 8.0
BLOCKED_PROBE_S = 3600.0
GIVE_UP_AFTER = timedelta(hours=24)

Row = TypeVar("Row", bound=Reconciled)


@dataclass(frozen=True)
class Claim:
    """What the holder of a lease must still find when it records its result."""

    fence: int
    generation: int
    attempt: int


def claim(row: Row) -> tuple[Row, Claim] | None:
    """Lease the row and read it afresh; None when somebody else is at work on it."""
    rows = type(row).objects
    if not rows.claim(row.pk, lease=LEASE, owner=process.name()):
        return None
    fresh = rows.get(pk=row.pk)
    return fresh, Claim(fence=fresh.fence, generation=fresh.desired_gen, attempt=fresh.attempts)


def record(row: Reconciled, held: Claim, **columns: Any) -> bool:
    """Write the outcome and give the lease back; False, and nothing written, when the fence has moved.

    A row whose desired generation moved meanwhile keeps its newer state and stays due at once.
    """
    with transaction.atomic():
        return type(row).objects.filter(pk=row.pk).settle(held.fence, held.generation, **columns)


def is_held(row: Reconciled, held: Claim, **columns: Any) -> bool:
    """Write `columns` before a remote write, in the claim's own name; False when the claim is lost."""
    return bool(type(row).objects.filter(pk=row.pk, fence=held.fence).update(**columns))


def retry_delay(attempt: int, retry_after: float | None = None, since: timedelta = timedelta()) -> timedelta:
    """Return how long to wait: full jitter, never less than the server asked for.

    The cap is a tenth of the time `since` which the row is in trouble, so that a short trouble is over soon after its
    end and a long one costs little; while everything fails, the breaker waits in place of the rows.
    """
    cap = max(RETRY_LEAST_CAP_S, min(RETRY_CAP_S, since.total_seconds() / 10))
    jittered = random.uniform(0, min(cap, RETRY_BASE_S * 2 ** min(attempt, 10)))  # noqa: S311 (no secret)
    return timedelta(seconds=max(jittered, min(retry_after or 0, 3600)))


def settled(held: Claim, **columns: Any) -> dict[str, Any]:
    """Return the columns of a row that is as it should be."""
    return {
        "state": State.READY,
        "observed_gen": held.generation,
        "attempts": 0,
        "repeated": 0,
        "next_attempt_at": None,
        "first_failed_at": None,
        "error_code": "",
        "last_error": "",
        "reference_id": "",
        **columns,
    }


def troubled(row: Reconciled, held: Claim, error: door.FusebitError) -> dict[str, Any]:
    """Return the columns of a row that met `error`: tried again while that can help, else left for a person.

    A row that waits for a person is still looked at every hour.
    """
    now = timezone.now()
    since = row.first_failed_at or now
    code = causes.of(error).code
    repeated = row.repeated + 1 if row.error_code == code else 1
    again = causes.is_worth_a_retry(error, repeated) and now - since < GIVE_UP_AFTER
    delay = retry_delay(held.attempt, error.retry_after, now - since) if again else timedelta(seconds=BLOCKED_PROBE_S)
    state = State.RETRY if again else State.BLOCKED
    return {
        "state": State.DELETING if row.state == State.DELETING else state,
        "next_attempt_at": now + delay,
        "first_failed_at": since,
        "error_code": code,
        "repeated": repeated,
        "last_error": causes.words(error),
        "reference_id": error.reference_id,
    }


def note(
    *,
    tenant: Tenant | None,
    step: str,
    subject: str,
    attempt: int,
    outcome: str,
    state: str = "",
    error: door.FusebitError | None = None,
    exchanges: Iterable[door.Exchange] = (),
) -> None:
    """Append a step to the ledger."""
    ProvisioningEvent.objects.create(
        tenant=tenant,
        step=step,
        subject=subject,
        attempt=attempt,
        state=state,
        outcome=outcome[:120],
        cause=causes.of(error).code if error else "",
        reference_id=error.reference_id if error else "",
        detail=error.detail if error else "",
        exchanges=[exchange.as_json() for exchange in exchanges],
    )


@contextmanager
def given_back(row: Reconciled, held: Claim) -> Iterator[None]:
    """Give the lease back when the work ends in an error that nobody expected, so that the row is retried."""
    try:
        yield
    except Exception:
        record(row, held, **troubled(row, held, causes.Trouble("internal")))
        raise
