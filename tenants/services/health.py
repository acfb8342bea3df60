"""Whether what the product depends on is as it should be."""

from django.utils import timezone

from fusebit_bridge import door
from tenants.services import diagnosis


def checks() -> dict[str, str]:
    """Return `ok` or a word of trouble for Fusebit and for the queue; takes at most a few seconds."""
    return {"fusebit": "ok" if door.is_reachable() else "unreachable", "queue": "late" if is_late() else "ok"}


def oldest_due_s() -> float:
    """Return for how many seconds the row waits that has waited longest."""
    now = timezone.now()
    since = diagnosis.oldest_due(now)
    return 0.0 if since is None else (now - since).total_seconds()


def is_late() -> bool:
    """Tell whether a row is due and nobody has come for it."""
    return oldest_due_s() > diagnosis.LATE.total_seconds()
