"""Users deleted, broadened and narrowed at Fusebit: all repaired in one pass, and every broadening is an alarm.

`python -m tests.faults.drift [--full] [--not-atomic] [--postgresql]`
"""

from tests.faults.fusebit import ACCOUNT
from tests.faults.stage import Tally, arguments, log_in, ready, report, stage, wait_until, workers


def main() -> None:
    """Play and say whether the counts are met."""
    options = arguments(__doc__ or "")
    deleted, changed = (50, 20) if options.full else (5, 2)
    uids = [f"d{index}" for index in range(500 if options.full else 20)]
    with stage(not_atomic=options.not_atomic) as on:
        from tenants.models import AuditEvent
        from tenants.services import convergence

        for uid in uids:
            log_in(uid)
        with workers(2):
            wait_until(lambda: ready(uids) == len(uids), 300)
        users = sorted(on.state()["users"], key=lambda user: user["id"])
        ids = [user["id"] for user in users]
        everything = [{"action": "*", "resource": f"/account/{ACCOUNT}/"}]
        broadened, narrowed = ids[deleted : deleted + changed], ids[deleted + changed : deleted + 2 * changed]
        access = {user_id: [*_allow(users, user_id), *everything] for user_id in broadened}
        access |= {user_id: [] for user_id in narrowed}
        on.tell(delete=ids[:deleted], access=access)
        found = convergence.plan()
        left = convergence.apply()
        alarms = AuditEvent.objects.filter(action="security.access_broadened").count()
        tally = Tally.of(on, uids)
        figures = {"people": len(uids), "deleted": deleted, "broadened": changed, "narrowed": changed}
        figures |= {"found": found.summary, "left": left.summary, "alarms": alarms, **vars(tally)}
        met = tally.is_clean and not left.lines and alarms == changed and len(found.lines) == deleted + 2 * changed
        report("drift", figures, met=met)


def _allow(users: list[dict[str, object]], user_id: str) -> list[object]:
    found = next(user for user in users if user["id"] == user_id)
    return list(found["access"]["allow"])  # type: ignore[index,call-overload]


if __name__ == "__main__":
    main()
