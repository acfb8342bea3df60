"""What the process that writes the journal does with a batch."""

import logging
from time import monotonic

from django.db import Error as DatabaseUnavailable

from fusebit_platform.scribe import wire
from fusebit_platform.services import journal

FORGET_EVERY_SECONDS = 3600.0
log = logging.getLogger(__name__)


class Writer:
    """Writes batches, cuts boundaries back to their bounds, and forgets in time."""

    def __init__(self) -> None:
        self._pruner = journal.Pruner()
        self._forget_at = 0.0

    def write(self, batch: wire.Batch) -> bool:
        """Write a batch; return False when the database does not take it now."""
        try:
            runs = journal.of_known_places(batch.runs)
            journal.write(runs=runs, lines=batch.lines)
            self._pruner.written(runs=runs, lines=batch.lines)
            self._forget()
        except DatabaseUnavailable:
            log.warning("What ran can not be written down; it is tried again.", exc_info=True)
            return False
        except Exception:  # the edge of the process: one bad batch must not end the journal
            log.exception("What ran could not be written down.")
        return True

    def _forget(self) -> None:
        if monotonic() >= self._forget_at:
            self._forget_at = monotonic() + FORGET_EVERY_SECONDS
            journal.forget_old()
            journal.forget_decisions()
