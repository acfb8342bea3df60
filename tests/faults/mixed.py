"""Sign-ins while a third of Fusebit's answers are wrong: nobody double, nothing left over, all READY when it ends.

`python -m tests.faults.mixed [--full] [--naive] [--not-atomic] [--postgresql]`
"""

import random
import time

from tests.faults.crash_points import create_in_signal
from tests.faults.stage import Tally, arguments, bar, log_in, ready, report, stage, wait_until, why, workers

BAR_S = 10.0
LOGINS_EACH = 5


def main() -> None:
    """Play and say whether the counts are met."""
    options = arguments(__doc__ or "")
    uids = [f"m{index}" for index in range(200 if options.full else 20)]
    order = uids * LOGINS_EACH
    random.Random(3).shuffle(order)  # noqa: S311 (no secret)
    with stage(not_atomic=options.not_atomic) as on:
        on.tell(faults={"rate": 0.3, "half": 0.3 if options.not_atomic else 0.0})
        with workers(0 if options.naive else 2):
            failed = 0
            for uid in order:
                try:
                    log_in(uid, provision=create_in_signal if options.naive else None)
                except Exception:  # noqa: BLE001 (a naive sign-in fails with Fusebit)
                    failed += 1
            wait_until(lambda: ready(uids) == len(uids), 0 if options.naive else 10)
            during = ready(uids)
            on.tell(faults={})
            started = time.monotonic()
            took = wait_until(lambda: ready(uids) == len(uids), 0 if options.naive else 120)
            took = time.monotonic() - started if took != float("inf") else took
        tally = Tally.of(on, uids)
        figures = {"people": len(uids), "logins": len(order), "failed_logins": failed, "ready_during_faults": during}
        figures |= {"converged_s": round(took, 2), "posts": on.state()["posts"], **vars(tally), "naive": options.naive}
        figures |= {"why": why(uids)}
        met = tally.is_clean and failed == 0 and took <= bar(BAR_S, full=options.full)
        report("mixed", figures, met=met)


if __name__ == "__main__":
    main()
