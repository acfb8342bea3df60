"""The worker's loop: claims due rows and takes each one step further, a few at a time."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import close_old_connections
from django.utils import timezone

from tenants import selectors
from tenants.models import Deployment, FusebitUser
from tenants.services import call_tokens, deployments, provisioning

IN_FLIGHT = 8
POLL_S = 0.25
HEAL_EVERY_S = 5.0
ADVANCE: dict[type[Any], Callable[..., Any]] = {
    FusebitUser: provisioning.advance,
    Deployment: deployments.advance,
}

log = logging.getLogger(__name__)


class Worker:
    """Runs until `stop` is set; any number of workers may run beside each other."""

    def __init__(self, *, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()
        self._busy: dict[tuple[type[Any], Any], Future[None]] = {}

    def run(self) -> None:
        """Look for due rows until asked to stop, then let the steps in flight end."""
        next_heal = 0.0
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="step") as pool:
            while not self.stop.is_set():
                next_heal = self._look(pool, next_heal)
                self.stop.wait(POLL_S)

    def run_once(self) -> int:
        """Take every row that is due now one step further; return how many there were."""
        self._heal()
        rows = [row for model in ADVANCE for row in selectors.due_rows(model, timezone.now(), 1000)]
        for row in rows:
            self._step(row)
        return len(rows)

    def _look(self, pool: ThreadPoolExecutor, next_heal: float) -> float:
        """Hand out what is due; a database that is away is waited for, not died of."""
        now = timezone.now()
        try:
            if now.timestamp() >= next_heal:
                self._heal()
                next_heal = now.timestamp() + HEAL_EVERY_S
            self._hand_out(pool)
        except Exception:
            log.exception("The queue could not be read; trying again.")
            close_old_connections()
        return next_heal

    def _heal(self) -> None:
        """Make due what nobody set due: sign-ins that were cut off, call tokens that have expired."""
        provisioning.heal()
        call_tokens.expire()

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        self._busy = {key: step for key, step in self._busy.items() if not step.done()}
        for model in ADVANCE:
            free = IN_FLIGHT - len(self._busy)
            rows = selectors.due_rows(model, timezone.now(), free + len(self._busy)) if free > 0 else []
            for row in rows[:free]:
                if (model, row.pk) not in self._busy:
                    self._busy[(model, row.pk)] = pool.submit(self._step_in_thread, row)

    def _step(self, row: Any) -> None:
        """Take one step; one bad row must not stop the others."""
        try:
            ADVANCE[type(row)](row=row)
        except Exception:
            log.exception("A step of %s %s failed.", type(row).__name__, row.pk)

    def _step_in_thread(self, row: Any) -> None:
        """Take one step on a connection of the thread's own."""
        try:
            self._step(row)
        finally:
            close_old_connections()
