"""The worker's loop: claims due rows and takes each one step further, a few at a time."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from fusebit_bridge import door
from tenants import selectors
from tenants.models import BoundaryPolicy, Comparison, Deployment, FusebitUser, Run, State
from tenants.services import (
    call_tokens,
    causes,
    convergence,
    copies,
    deployments,
    drift,
    mirroring,
    offboarding,
    policies,
    provisioning,
    pulse,
    remote_users,
)  # fmt: skip
from tenants.services.breaker import Breaker

IN_FLIGHT = 8
IN_FLIGHT_ON_SQLITE = 3  # it has one writer at a time, and people who sign in should not wait for it
POLL_S = 0.25
HEAL_EVERY_S = 5.0
RUNS_EVERY_S = 15.0
# In this order: people wait for access first.
ADVANCE: dict[type[Any], Callable[..., Any]] = {
    FusebitUser: remote_users.advance,
    Deployment: deployments.advance,
    BoundaryPolicy: policies.advance,
}

log = logging.getLogger(__name__)


class Worker:
    """Runs until `stop` is set; any number of workers may run beside each other."""

    def __init__(self, *, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        self.breaker = Breaker()
        self._room = IN_FLIGHT_ON_SQLITE if connection.vendor == "sqlite" else IN_FLIGHT
        self._busy: dict[tuple[type[Any], Any], Future[None]] = {}
        self._due_at: dict[str, float] = {}
        self._comparison: drift.Pass | None = None

    def run(self) -> None:
        """Look for due rows until asked to stop, then let the steps in flight end."""
        door.keep_pace(settings.FUSEBIT_RATE)
        with ThreadPoolExecutor(self._room, thread_name_prefix="step") as pool:
            while not self.stop.is_set():
                self._look(pool)
                self._rest()

    def run_once(self) -> int:
        """Take every row that is due now one step further; return how many there were."""
        self._heal()
        rows = [row for model in ADVANCE for row in selectors.due_rows(model, timezone.now(), 1000)]
        for row in rows:
            self._step(row)
        return len(rows)

    def _look(self, pool: ThreadPoolExecutor) -> None:
        """Hand out what is due; a database that is away is waited for, not died of."""
        try:
            if self._is_time("heal", HEAL_EVERY_S):
                self._heal()
            if self._is_time("beat", pulse.BEAT_EVERY_S):
                pulse.beat(holding_back=self.breaker.cause)
            if self._is_time("runs", RUNS_EVERY_S) and not any(key[0] is Run for key in self._busy):
                self._busy[(Run, None)] = pool.submit(self._in_thread, self._rounds)
            self._hand_out(pool)
            if self._is_time("scan", 1 / (drift.SHARE_OF_BUDGET * max(settings.FUSEBIT_RATE, 1))):
                self._scan(pool)
        except Exception:
            log.exception("The queue could not be read; trying again.")
            close_old_connections()

    def _rounds(self) -> None:
        """Copy what ran, and remove what replays have left over."""
        mirroring.round_of_all()
        copies.sweep()

    def _is_time(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due_at.get(what, 0.0):
            return False
        self._due_at[what] = now + every_s
        return True

    def _rest(self) -> None:
        """Wait for the next look: until a step ends while there is no room for another, else for a moment."""
        if len(self._busy) >= self._room:
            wait_for(self._busy.values(), timeout=POLL_S, return_when=FIRST_COMPLETED)
        elif not any(step.done() for step in self._busy.values()):
            self.stop.wait(POLL_S)

    def _heal(self) -> None:
        """Make due what nobody set due: sign-ins that were cut off, call tokens that expired, tenants that ended."""
        pulse.take_back_leases()
        provisioning.heal()
        call_tokens.expire()
        offboarding.sweep()

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        self._busy = {key: step for key, step in self._busy.items() if not step.done()}
        for model in ADVANCE:
            free = self._room - len(self._busy)
            due = selectors.due_rows(model, timezone.now(), free + len(self._busy)) if free > 0 else []
            rows = [row for row in due if (model, row.pk) not in self._busy][:free]
            for row in rows[: self.breaker.admits(len(rows)) if rows else 0]:
                self._busy[(model, row.pk)] = pool.submit(self._step_in_thread, row)

    def _scan(self, pool: ThreadPoolExecutor) -> None:
        """Compare one more page with Fusebit, now and then, so that no drift stays unseen for long."""
        key = (drift.Pass, None)
        if self.breaker.is_open or key in self._busy or len(self._busy) >= self._room:
            return
        if self._comparison is None:
            asked = convergence.take()
            if asked is None and not drift.is_due(timezone.now()):
                return
            self._busy[key] = pool.submit(self._compare, asked)
        else:
            self._busy[key] = pool.submit(self._compare)

    def _compare(self, asked: Comparison | None = None) -> None:
        try:
            self._comparison = self._comparison or drift.Pass(asked=asked)
            if self._comparison.step():
                self._comparison = None
        except door.FusebitError as error:
            self._comparison = None
            log.info("The comparison with Fusebit was broken off: %s", error.message)
        except Exception:
            self._comparison = None
            log.exception("The comparison with Fusebit failed.")
        finally:
            close_old_connections()

    def _step(self, row: Any) -> None:
        """Take one step; one bad row must not stop the others."""
        try:
            ADVANCE[type(row)](row=row, report=self._report)
        except Exception:
            log.exception("A step of %s %s failed.", type(row).__name__, row.pk)

    def _report(self, error: door.FusebitError | None) -> None:
        """Tell the breaker; when Fusebit is back, whoever waited for that need not wait any longer."""
        was_open = self.breaker.is_open
        self.breaker.note(error)
        if was_open and not self.breaker.is_open:
            for model in ADVANCE:
                model.objects.filter(state=State.RETRY, error_code__in=causes.REMOTE).make_due()

    def _step_in_thread(self, row: Any) -> None:
        """Take one step on a connection of the thread's own."""
        self._in_thread(lambda: self._step(row))

    def _in_thread(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception:
            log.exception("A round failed; trying again.")
        finally:
            close_old_connections()
