"""Both signing keys are exchanged while fifty calls a second go on: not one of them fails.

Against the embedded Fusebit. `python -m tests.faults.rotation [--full] [--postgresql]`
"""

import json
import threading
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from tests.faults.stage import arguments, log_in, ready, report, stage, wait_until, workers

PER_SECOND = 50


class Traffic:
    """Calls to Fusebit as a tenant and as the client, in turn, at a steady rate."""

    def __init__(self, subject: str, boundary_id: str) -> None:
        self.subject = subject
        self.boundary_id = boundary_id
        self.made = 0
        self.failures: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Call until stopped."""
        from django.db import connections

        from fusebit_bridge import door, tokens

        started = time.monotonic()
        while not self.stop.is_set():
            tokens.forget_tokens()  # each call by a token of its own, as the worst case
            try:
                if self.made % 2:
                    door.provisioner().observe(door.Identity(door.tenant_issuer_id(), self.subject))
                else:
                    door.tenant(self.subject, self.boundary_id).list_functions()
            except door.FusebitError as error:
                self.failures.append(f"{error.code}: {error.detail}"[:200])
            self.made += 1
            self.stop.wait(max(0.0, started + self.made / PER_SECOND - time.monotonic()))
        connections.close_all()


def main() -> None:
    """Exchange, undo and exchange again under traffic, and say whether anything failed."""
    options = arguments(__doc__ or "")
    from tests.fusebit_process import running

    with running() as fusebit, stage() as on:
        from tenants.models import FusebitUser, Tenant
        from tenants.services import keys
        from tests.faults.profile import client_of

        client_of(fusebit, on.directory)
        log_in("ada")
        with workers():
            wait_until(lambda: ready(["ada"]) == 1)
        row = FusebitUser.objects.get(subject="local|ada")
        traffic = Traffic(row.subject, Tenant.objects.get().boundary_id)
        thread = threading.Thread(target=traffic.run)
        wait = timedelta(seconds=10 if options.full else 1)
        with patch("fusebit_bridge.rotation.AFTER_SWITCH", wait):
            thread.start()
            started = time.monotonic()
            ended = [
                _exchange(purpose, keys) for purpose in ("client", "tenant") for _ in range(2 if options.full else 1)
            ]
            traffic.stop.set()
            thread.join()
        seconds = time.monotonic() - started
        figures: dict[str, Any] = {"calls": traffic.made, "per_s": round(traffic.made / seconds, 1)}
        figures |= {"failed": len(traffic.failures), "failures": traffic.failures[:3], "exchanges": sum(ended)}
        report("rotation", json.loads(json.dumps(figures)), met=not traffic.failures and all(ended))


def _exchange(purpose: str, keys: Any) -> bool:
    """Go as far as the switch, take it back, and then go to the end; tell whether it came to its end."""
    for _ in range(3):
        keys.attempt(purpose, only_next=True)
    undone = keys.attempt(purpose, undo=True)
    assert not undone.failure, undone.failure
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        outcome = keys.attempt(purpose)
        assert not outcome.failure, outcome.failure
        if outcome.progress[-1].ended:
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    main()
