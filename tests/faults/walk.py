"""A random walk through everything that may happen to people and their users; after each rest, all is as promised.

`python -m tests.faults.walk [--full] [--not-atomic] [--postgresql] ` with WALK_SEED to repeat a walk.
"""

import os
import secrets
import traceback
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.faults.fusebit import ACCOUNT, SUBSCRIPTION
from tests.faults.outage import Clock
from tests.faults.stage import Stage, arguments, log_in, report, stage

STEPS_PER_WALK = 50
PEOPLE = st.integers(min_value=0, max_value=5)
EVERYTHING = [{"action": "*", "resource": "/"}]
ROUNDS = 40


class Walk(RuleBasedStateMachine):
    """People come, leave, are suspended; Fusebit fails and is meddled with; workers come and go."""

    on: Stage
    clock: Clock
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.begun = False
        from django.contrib.auth.models import User

        from tenants.models import FusebitUser, Tenant

        FusebitUser.objects.all().delete()
        Tenant.objects.all().delete()
        User.objects.all().delete()
        self.on.tell(reset=True, faults={})
        self.worker: Any = None
        self.restart()

    @invariant()
    def count(self) -> None:
        """Count the steps of all walks; what is looked at before the first is none."""
        type(self).steps += self.begun
        self.begun = True

    @rule(who=PEOPLE)
    def sign_in(self, who: int) -> None:
        """Somebody comes, for the first time or again."""
        log_in(f"h{who}")

    @rule(who=PEOPLE)
    def delete_person(self, who: int) -> None:
        """An operator deletes a person."""
        from django.contrib.auth.models import User

        from tenants.models import Tenant

        Tenant.objects.filter(memberships__user__username=f"local|h{who}").delete()
        User.objects.filter(username=f"local|h{who}").delete()

    @rule(who=PEOPLE, suspended=st.booleans())
    def suspend(self, who: int, suspended: bool) -> None:
        """An operator suspends or resumes a workspace."""
        from tenants.models import Tenant
        from tenants.services import operations

        for tenant in Tenant.objects.filter(memberships__user__username=f"local|h{who}"):
            (operations.suspend if suspended else operations.resume)(tenant=tenant, actor=None)

    @rule(who=PEOPLE, how=st.sampled_from(["delete", "broaden", "narrow"]))
    def meddle(self, who: int, how: str) -> None:
        """Somebody changes a user at Fusebit that we know: what others broaden before we saw it, we leave alone."""
        from tenants.models import FusebitUser

        known = set(FusebitUser.objects.exclude(remote_user_id="").values_list("remote_user_id", flat=True))
        for user in self.on.state()["users"]:
            if any(entry["subject"] == f"local|h{who}" for entry in user.get("identities", ())):
                if user["id"] not in known:
                    continue
                if how == "delete":
                    self.on.tell(delete=[user["id"]])
                else:
                    allow = EVERYTHING if how == "broaden" else []
                    self.on.tell(access={user["id"]: allow})

    @rule(rate=st.sampled_from([0.0, 0.3, 0.6]), down=st.sampled_from(["", "", "refused"]))
    def fail(self, rate: float, down: str) -> None:
        """Fusebit gets worse or better."""
        self.on.tell(faults={"rate": rate, "down": down, "half": rate / 2})

    @rule()
    def restart(self) -> None:
        """A new worker takes over."""
        from tenants.services.work import Worker

        self.worker = Worker()

    @rule(seconds=st.integers(min_value=0, max_value=120))
    def work(self, seconds: int) -> None:
        """Time passes, and what is due is taken one step further."""
        self.clock.ahead += timedelta(seconds=seconds)
        self.worker.run_once()

    def teardown(self) -> None:
        """Let everything come to rest, and see whether the promise is kept."""
        from tenants.models import FusebitUser
        from tenants.services import convergence

        self.on.tell(faults={})
        for _ in range(ROUNDS):
            self.clock.ahead += timedelta(seconds=61)
            FusebitUser.objects.filter(state__in=["retry", "blocked", "pending", "deleting"]).make_due()
            self.worker.run_once()
            if not FusebitUser.objects.filter(state__in=["retry", "blocked", "pending", "deleting"]).exists():
                break
        left = convergence.apply().lines
        assert not left, left
        self._check()

    def _check(self) -> None:
        """Exactly one user for everybody who should have one, with exactly their access, and nothing else of ours."""
        from tenants.models import FusebitUser, Membership

        users: dict[str, list[dict[str, Any]]] = {}
        for user in self.on.state()["users"]:
            for entry in user.get("identities", ()):
                users.setdefault(entry["subject"], []).append(user)
        rows = {row.subject: row for row in FusebitUser.objects.filter(absent=False)}
        assert set(users) == set(rows), (set(users), set(rows))
        for subject, row in rows.items():
            (user,) = users[subject]
            assert user["id"] == row.remote_user_id
            wanted = {
                ("function:*", f"/account/{ACCOUNT}/subscription/{SUBSCRIPTION}/boundary/{boundary}/")
                for boundary in Membership.objects.filter(
                    user__fusebit_user=row, tenant__suspended_at=None
                ).values_list("tenant__boundary_id", flat=True)
            }
            held = {(entry["action"], entry["resource"]) for entry in user.get("access", {}).get("allow", ())}
            assert held == wanted, (subject, held, wanted)


def go(number: int, steps: int) -> None:
    """Walk about as many steps, with what `number` begins; the machine may end a walk or the whole before that."""
    run_state_machine_as_test(
        seed(number)(Walk),
        settings=settings(
            max_examples=max(1, steps // STEPS_PER_WALK),
            stateful_step_count=STEPS_PER_WALK,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> None:
    """Walk and say whether the promise held."""
    options = arguments(__doc__ or "")
    steps = 10_000 if options.full else 300
    number = int(os.environ.get("WALK_SEED") or secrets.randbelow(2**32))
    with stage(not_atomic=options.not_atomic) as on:
        Walk.on, Walk.clock = on, Clock()
        walked: list[int] = []
        violated = ""
        with patch("django.utils.timezone.now", Walk.clock.now):
            try:
                while Walk.steps < steps:
                    walked.append(number + len(walked))
                    go(walked[-1], steps - Walk.steps)
            except Exception as error:  # noqa: BLE001 (whatever it is, the walk has found it)
                traceback.print_exception(error)
                violated = f"{type(error).__name__}: {error}"[:1000]
        figures = {"steps": Walk.steps, "seeds": walked, "violated": violated}
        report("walk", figures, met=not violated and Walk.steps >= steps)


if __name__ == "__main__":
    main()
