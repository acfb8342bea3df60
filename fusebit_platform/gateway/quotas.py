"""How much of the platform is in use: calls at once, and calls within a minute."""

import time
from weakref import WeakValueDictionary

from fusebit_platform.gateway.known import Known, Use, limit
from fusebit_platform.gateway.refusals import Refusal

MINUTE = 60.0
REMEMBERED = 20_000
FULL = "Subscription has exceeded concurrency throttle"


class Quotas:
    """Count the calls of every subscription and boundary, and refuse what is too much."""

    def __init__(self) -> None:
        self._uses: WeakValueDictionary[str, Use] = WeakValueDictionary()  # by subscription, and by boundary
        self._minutes: dict[str, tuple[float, int]] = {}  # when a boundary's minute began, and its calls since

    def use(self, name: str) -> Use:
        """Return the count of the calls that now run for a subscription or boundary."""
        use = self._uses.get(name)
        if use is None:
            use = self._uses[name] = Use()
        return use

    def check(self, known: Known) -> None:
        """Raise Refusal 403 for a suspended boundary, 429 for a full subscription or boundary."""
        _check_suspension(known)
        if known.subscription_use.running >= known.subscription_limit:
            raise Refusal(429, FULL, cause="rate_limited")
        if known.boundary_use.running >= known.boundary_limit:
            raise Refusal(429, "Boundary has exceeded concurrency throttle", cause="rate_limited")

    def check_subscription(self, subscription_id: str, concurrency: int | None) -> None:
        """Raise Refusal 429 for a full subscription."""
        if self.use(subscription_id).running >= limit(concurrency):
            raise Refusal(429, FULL, cause="rate_limited")

    def begin(self, known: Known) -> None:
        """Count a call that starts now; raise Refusal when there is no room for it."""
        policy, subscription, boundary = known.policy, known.subscription_use, known.boundary_use
        full = subscription.running >= known.subscription_limit or boundary.running >= known.boundary_limit
        if full or policy.suspended:
            self.check(known)
        if policy.calls_per_minute is not None:
            self._count_in_minute(known.boundary, policy.calls_per_minute)
        subscription.running += 1
        boundary.running += 1

    def end(self, known: Known) -> None:
        """A call has ended."""
        known.subscription_use.running -= 1
        known.boundary_use.running -= 1

    def begin_unasked(self, known: Known) -> bool:
        """Count a run that nobody called, within its boundary alone; tell whether there is room for it.

        Raise Refusal 403 for a suspended boundary.
        """
        _check_suspension(known)
        if known.boundary_use.running >= known.boundary_limit:
            return False
        known.boundary_use.running += 1
        return True

    def end_unasked(self, known: Known) -> None:
        """A run that nobody called has ended."""
        known.boundary_use.running -= 1

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
