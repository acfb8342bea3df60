"""An hour without Fusebit, refusing and then swallowing, on an injected clock, while people sign in.

Every sign-in succeeds and is quick; afterwards all are READY soon, at no more than the budget.

`python -m tests.faults.outage [--full] [--not-atomic] [--postgresql]`
"""

import time
from datetime import datetime, timedelta
from unittest.mock import patch

from tests.faults.stage import Tally, arguments, bar, log_in, ready, report, stage, wait_until, workers

RATE = 20.0
READY_BAR_S = 90.0
LOGIN_BAR_MS = 500.0
WINDOW_S = 5.0
OUTAGE = timedelta(minutes=60)


class Clock:
    """The time that rows live by: real time, and what was added to it."""

    def __init__(self) -> None:
        from django.utils import timezone

        self._real = timezone.now
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the injected time."""
        return self._real() + self.ahead


def main() -> None:
    """Play and say whether the counts are met."""
    options = arguments(__doc__ or "")
    number = 500 if options.full else 30
    uids = [f"o{index}" for index in range(number)]
    with stage(not_atomic=options.not_atomic, rate=RATE) as on:
        clock = Clock()
        with patch("django.utils.timezone.now", clock.now), workers():
            took: list[float] = []
            for index, uid in enumerate(uids):
                if index in {0, number // 2}:
                    on.tell(faults={"down": "hole" if index else "refused"})
                started = time.monotonic()
                log_in(uid)
                took.append(time.monotonic() - started)
                clock.ahead += OUTAGE / number
            time.sleep(1.0)
            clock.ahead = max(clock.ahead, OUTAGE)
            ready_during = ready(uids)
            on.tell(faults={}, forget_requests=True)
            ready_s = wait_until(lambda: ready(uids) == number, 300)
        requests = sorted(on.state()["requests"])
        # Over five seconds: in a single one, requests that left evenly may arrive unevenly.
        peak = max((sum(at <= other < at + WINDOW_S for other in requests) for at in requests), default=0) / WINDOW_S
        tally = Tally.of(on, uids)
        p99 = sorted(took)[int(len(took) * 0.99)] * 1000
        figures = {"people": number, "ready_during": ready_during, "ready_s": round(ready_s, 1)}
        figures |= {"peak_per_s": round(peak, 1), "login_p99_ms": round(p99, 1), **vars(tally)}
        met = tally.is_clean and ready_s <= bar(READY_BAR_S, full=options.full)
        met = met and p99 <= bar(LOGIN_BAR_MS, full=options.full) and peak <= bar(RATE * 1.05, full=options.full)
        report("outage", figures, met=met)


if __name__ == "__main__":
    main()
