"""A thousand first sign-ins at once: of one identity, and of a thousand.

`python -m tests.faults.logins [--full] [--not-atomic] [--postgresql]`
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.stage import Stage, Tally, arguments, bar, log_in, ready, report, stage, wait_until, workers

AT_ONCE = 32
BAR_S = 60.0


def _one(uid: str) -> float:
    """Sign in on a connection of its own; return how long it took, infinity when it failed."""
    from django.db import connections

    started = time.monotonic()
    try:
        log_in(uid)
    except Exception:  # noqa: BLE001 (whatever it is would be a 500)
        return float("inf")
    finally:
        connections.close_all()
    return time.monotonic() - started


def _all(uids: list[str]) -> list[float]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(_one, uids))


def of_one_identity(on: Stage, number: int) -> tuple[dict[str, Any], bool]:
    """Sign one person in `number` times at once."""
    from tenants.models import FusebitUser, Tenant

    took = _all(["one"] * number)
    with workers():
        wait_until(lambda: ready(["one"]) == 1)
    tally = Tally.of(on, ["one"])
    figures = {
        "logins": number,
        "failed": sum(seconds == float("inf") for seconds in took),
        "tenants": Tenant.objects.filter(memberships__user__username="local|one").count(),
        "rows": FusebitUser.objects.filter(subject="local|one").count(),
        "users": len(on.state()["users"]),
        **vars(tally),
    }
    met = tally.is_clean and [figures[name] for name in ("failed", "tenants", "rows", "users")] == [0, 1, 1, 1]
    return figures, met


def of_many(on: Stage, number: int) -> tuple[dict[str, Any], bool]:
    """Sign `number` people in at once while a worker brings them to Fusebit at 100 requests a second."""
    uids = [f"p{index}" for index in range(number)]
    started = time.monotonic()
    with workers():
        took = _all(uids)
        wait_until(lambda: ready(uids) == number, 300)
    seconds = time.monotonic() - started
    tally = Tally.of(on, uids)
    figures = {
        "people": number,
        "failed": sum(value == float("inf") for value in took),
        "ready_s": round(seconds, 1),
        "login_p50_ms": round(took[len(took) // 2] * 1000),
        "login_p99_ms": round(took[int(len(took) * 0.99)] * 1000),
        **vars(tally),
    }
    return figures, tally.is_clean and figures["failed"] == 0 and seconds <= bar(BAR_S, full=number >= 1000)


def main() -> None:
    """Play both and say whether the counts are met."""
    options = arguments(__doc__ or "")
    number = 1000 if options.full else 40
    with stage(not_atomic=options.not_atomic) as on:
        one, one_met = of_one_identity(on, number)
        many, many_met = of_many(on, number)
        report("logins", {"one_identity": one, "many_identities": many}, met=one_met and many_met)


if __name__ == "__main__":
    main()
