"""Rates that hold for all processes of the site together: each takes a twentieth at a time from the shared row.

So a busy caller costs one write in many requests; never more than the rate is let through, and at most a twentieth
for each process less, while others hold what they do not use.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from tenants.models import Allowance

SHARE = 20
FORGOTTEN_AFTER = timedelta(days=2)
MOST_REMEMBERED = 10_000

_lock = threading.Lock()
_held: dict[tuple[str, str], "_Held"] = {}


@dataclass
class _Held:
    """What this process may still let through, and until when."""

    left: int
    until: float  # by time.monotonic


def take(*, who: str, what: str, limit: int, seconds: float) -> float:
    """Use one of `limit` in `seconds`; return 0 when there was one left, else in how many seconds to come again."""
    with _lock:
        held = _held.get((who, what))
        if held and held.left > 0 and time.monotonic() < held.until:
            held.left -= 1
            return 0.0
    got, wait = _reserve(who, what, limit, seconds)
    if not got:
        return max(wait, 0.001)
    with _lock:
        if len(_held) >= MOST_REMEMBERED:
            _held.clear()
        _held[who, what] = _Held(got - 1, time.monotonic() + wait)
    return 0.0


def forget() -> None:
    """Give nothing out that was taken from the rows before."""
    with _lock:
        _held.clear()


def _reserve(who: str, what: str, limit: int, seconds: float) -> tuple[int, float]:
    """Take some from the row; return how many, 0 when it is used up, and for how long its time still runs."""
    now = timezone.now()
    rows = Allowance.objects.filter(who=who, what=what)
    begun = now - timedelta(seconds=seconds)
    for wanted in sorted({max(1, limit // SHARE), 1}, reverse=True):
        if rows.filter(since__gt=begun, used__lte=limit - wanted).update(used=F("used") + wanted):
            return wanted, _left(rows.values_list("since", flat=True).first(), now, seconds)
        if wanted <= limit and rows.filter(since__lte=begun).update(since=now, used=wanted):
            return wanted, seconds
    if not rows.exists() and limit > 0:
        Allowance.objects.filter(since__lt=now - FORGOTTEN_AFTER).delete()
        Allowance.objects.bulk_create([Allowance(who=who, what=what, since=now, used=0)], ignore_conflicts=True)
        return _reserve(who, what, limit, seconds)
    return 0, _left(rows.values_list("since", flat=True).first(), now, seconds)


def _left(since: datetime | None, now: datetime, seconds: float) -> float:
    return seconds - (now - since).total_seconds() if since else seconds
