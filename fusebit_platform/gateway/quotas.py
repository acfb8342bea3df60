"""How much of the platform is in use: calls at once, and calls within a minute."""

import time

from fusebit_platform.gateway.known import Known
from fusebit_platform.gateway.refusals import Refusal

MINUTE = 60.0
REMEMBERED = 20_000


class Quotas:
    """Count the calls of every subscription and boundary, and refuse what is too much."""

    def __init__(self) -> None:
        self._running: dict[str, int] = {}  # by subscription, and by subscription and boundary
        self._minutes: dict[str, tuple[float, int]] = {}  # when a boundary's minute began, and its calls since

    def check(self, known: Known) -> None:
        """Raise Refusal 403 for a suspended boundary, 429 for a full subscription or boundary."""
        policy, executable = known.policy, known.executable
        _check_suspension(known)
        self.check_subscription(executable.subscription_id, executable.concurrency)
        if _is_full(self._running.get(known.boundary, 0), policy.concurrency):
            raise Refusal(429, "Boundary has exceeded concurrency throttle", cause="rate_limited")

    def check_subscription(self, subscription_id: str, limit: int | None) -> None:
        """Raise Refusal 429 for a full subscription."""
        if _is_full(self._running.get(subscription_id, 0), limit):
            raise Refusal(429, "Subscription has exceeded concurrency throttle", cause="rate_limited")

    def begin(self, known: Known) -> None:
        """Count a call that starts now; raise Refusal when there is no room for it."""
        self.check(known)
        if known.policy.calls_per_minute is not None:
            self._count_in_minute(known.boundary, known.policy.calls_per_minute)
        self._add(known.executable.subscription_id, 1)
        self._add(known.boundary, 1)

    def end(self, known: Known) -> None:
        """A call has ended."""
        self._add(known.executable.subscription_id, -1)
        self._add(known.boundary, -1)

    def begin_unasked(self, known: Known) -> bool:
        """Count a run that nobody called, within its boundary alone; tell whether there is room for it.

        Raise Refusal 403 for a suspended boundary.
        """
        _check_suspension(known)
        if _is_full(self._running.get(known.boundary, 0), known.policy.concurrency):
            return False
        self._add(known.boundary, 1)
        return True

    def end_unasked(self, known: Known) -> None:
        """A run that nobody called has ended."""
        self._add(known.boundary, -1)

    def _add(self, name: str, number: int) -> None:
        count = self._running.get(name, 0) + number
        if count > 0:
            self._running[name] = count
        else:
            self._running.pop(name, None)

    def _count_in_minute(self, boundary: str, limit: int) -> None:
        now = time.monotonic()
        began, calls = self._minutes.get(boundary, (now, 0))
        if now - began >= MINUTE:
            began, calls = now, 0
        if calls >= limit:
            raise Refusal(429, f"This boundary may make {limit} calls a minute.", cause="rate_limited")
        if len(self._minutes) >= REMEMBERED:
            self._minutes.clear()
        self._minutes[boundary] = (began, calls + 1)


def _check_suspension(known: Known) -> None:
    if known.policy.suspended:
        raise Refusal(403, "This tenant is suspended.", cause="suspended", code="tenant_suspended")


def _is_full(running: int, limit: int | None) -> bool:
    return limit is not None and 0 <= limit <= running
