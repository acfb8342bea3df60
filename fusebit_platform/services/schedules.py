"""Runs functions at the times their schedules name, each of those times at most once (contract 5.8, 6.6)."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from django.db.models import Min

from fusebit_platform.models import Function
from fusebit_platform.services import cron, moments, transactions
from fusebit_platform.services.functions import Address, key_of

AT_ONCE = 500  # looked at together; the rest follows at once
LATEST_MS = 60_000  # a time that passed longer ago, while nobody was there to run it, is not made up for
WINDOW_MS = 10 * 60 * 1000
RUNS_PER_WINDOW = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """A function that has to run now, because its schedule says so."""

    address: Address
    job: dict[str, Any]  # the record that the function sees as its body


class Pace:
    """How often each function ran lately, so that a schedule of seconds stays within its bounds."""

    def __init__(self) -> None:
        self._runs: dict[int, deque[int]] = {}

    def allows(self, function: int, slot: int) -> bool:
        """Count a run at `slot` unless there were enough in the ten minutes before."""
        runs = self._runs.setdefault(function, deque())
        while runs and runs[0] <= slot - WINDOW_MS:
            runs.popleft()
        if len(runs) >= RUNS_PER_WINDOW:
            return False
        runs.append(slot)
        return True

    def forget(self, known: int = 10_000) -> None:
        """Stay within bounds of memory; called now and then."""
        if len(self._runs) > known:
            self._runs.clear()


_pace = Pace()


def claim() -> tuple[list[Occasion], int | None]:
    """Take every scheduled run whose time has come; return them and when the next one is due.

    A time is taken by moving the row on to the one after it, in one conditional update: whoever dies afterwards has at
    most lost a run, and nobody runs the same time twice.
    """
    now = moments.now_ms()
    due = Function.objects.filter(due_ms__lte=now).select_related("subscription").order_by("due_ms")
    _pace.forget()
    taken = [occasion for function in list(due[:AT_ONCE]) if (occasion := _take(function, now)) is not None]
    following: int | None = Function.objects.aggregate(first=Min("due_ms"))["first"]
    return taken, following


def _take(function: Function, now: int) -> Occasion | None:
    slot = function.due_ms or now
    schedule = json.loads(function.schedule)
    late = now - slot > LATEST_MS
    with transactions.unnoticed():
        row = Function.objects.filter(pk=function.pk, due_ms=slot, revision=function.revision)
        moved = row.update(due_ms=cron.next_due(schedule, now if late else slot))
    if not moved or late or not _pace.allows(function.pk, slot):
        return None
    address = Address(account_id=function.subscription.account_id, **key_of(function))
    key = f"{address.subscription_id}/{address.boundary_id}/{address.function_id}"
    job = {"key": key, **address.ids(), **schedule}
    job.setdefault("timezone", "UTC")
    return Occasion(address=address, job=job)
