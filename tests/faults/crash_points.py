"""kill -9 of the site and of the worker at six points: nobody is lost, nobody is double, all are READY soon after.

`python -m tests.faults.crash_points [--full] [--naive] [--not-atomic] [--postgresql]`
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.faults.stage import Stage, Tally, arguments, bar, log_in, ready, report, stage, wait_until

SITE = ("before commit", "after commit", "after wake")
WORKER = ("during POST", "after POST", "after record")
BAR_S = 10.0


def die() -> None:
    """End as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def _die_after(module: Any, name: str, *, condition: Callable[..., bool] = lambda *_a, **_k: True) -> None:
    original = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if condition(*args, **kwargs):
            die()
        return result

    setattr(module, name, wrapped)


def arm_site(point: str) -> None:
    """Have the next sign-in of this process die at the point."""
    from tenants.services import provisioning

    if point == "before commit":  # the last statement inside the transaction
        _die_after(provisioning, "_found_tenant")
    elif point == "after commit":
        _die_after(provisioning, "request")
    else:
        _die_after(provisioning, "request_after_login")


def arm_worker(point: str) -> None:
    """Have the next user that this process creates be the last thing it does."""
    from fusebit_bridge.client import Requestor
    from fusebit_bridge.provisioner import Provisioner
    from tenants.services import remote_users

    if point == "during POST":
        original = Requestor.ask

        def ask(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
            if method == "POST":
                threading.Timer(0.001, die).start()
            return original(self, method, *args, **kwargs)

        Requestor.ask = ask  # type: ignore[method-assign]
    elif point == "after POST":
        _die_after(Provisioner, "_create")
    else:
        _die_after(remote_users, "_record")


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own, forked so that it starts in milliseconds; return its id."""
    from django.db import connections

    connections.close_all()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        connections.close_all()
        work()
    finally:
        os._exit(0)


def died(pid: int) -> bool:
    """Wait for the child and tell whether it was killed."""
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def run_worker() -> None:
    """Be a worker."""
    from tenants.services.work import Worker

    Worker().run()


def create_in_signal(user: Any) -> None:
    """Do what must not be done: speak to Fusebit in the request, and write down what came of it."""
    from fusebit_bridge import door
    from tenants.models import FusebitUser
    from tenants.services import remote_users

    row = FusebitUser.objects.get(user=user)
    provisioner, desired = door.provisioner(), remote_users.wanted(row)
    provisioner.perform(door.Create(desired.identities, desired.access))
    seen = provisioner.observe(desired.identities[0])
    assert seen.user is not None
    FusebitUser.objects.filter(pk=row.pk).update(
        state="ready", remote_user_id=seen.user.id, next_attempt_at=None, observed_gen=row.desired_gen
    )


class Play:
    """The people who came, and how long it took until all of them were READY after a restart."""

    def __init__(self, on: Stage, *, naive: bool) -> None:
        self.on = on
        self.naive = naive
        self.uids: list[str] = []
        self.slowest = 0.0
        self.kills = 0

    def _log_in(self, uid: str) -> None:
        log_in(uid, provision=create_in_signal if self.naive else None)

    def kill_site(self, point: str, uid: str) -> None:
        """A person signs in, the site dies, and the person signs in once more unless the first time was enough."""
        self.uids.append(uid)

        def work() -> None:
            arm_site(point)
            self._log_in(uid)

        self.kills += died(in_child(work))
        if not self.naive:
            self.kills -= died(in_child(lambda: self._log_in(uid)))
        self._settle()

    def kill_worker(self, point: str, uid: str) -> None:
        """A person signs in, and whoever creates their user dies in the middle."""
        self.uids.append(uid)
        if self.naive:

            def act() -> None:
                arm_worker(point)
                self._log_in(uid)

            self.kills += died(in_child(act))
            return
        died(in_child(lambda: self._log_in(uid)))

        def work() -> None:
            arm_worker(point)
            run_worker()

        self.kills += died(in_child(work))
        self._settle()

    def _settle(self) -> None:
        """Start the worker again and wait until everybody is READY."""
        if self.naive:
            return
        pid = in_child(run_worker)
        try:
            self.slowest = max(self.slowest, wait_until(lambda: ready(self.uids) == len(self.uids), 60))
        finally:
            os.kill(pid, signal.SIGTERM)
            time.sleep(0)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main() -> None:
    """Play all points, count, and say whether the counts are met."""
    options = arguments(__doc__ or "")
    times = 50 if options.full else 2
    with stage(not_atomic=options.not_atomic) as on:
        play = Play(on, naive=options.naive)
        for number in range(times):
            for place, point in enumerate(SITE):
                play.kill_site(point, f"s{place}x{number}")
            for place, point in enumerate(WORKER):
                play.kill_worker(point, f"w{place}x{number}")
        tally = Tally.of(on, play.uids)
        met = tally.is_clean and play.slowest <= bar(BAR_S, full=options.full) and play.kills == len(play.uids)
        figures = {"kills": play.kills, "people": len(play.uids), **vars(tally), "slowest_s": round(play.slowest, 2)}
        report("crash_points", {**figures, "posts": on.state()["posts"], "naive": options.naive}, met=met)


if __name__ == "__main__":
    main()
