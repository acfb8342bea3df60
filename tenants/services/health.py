"""Whether what the product depends on is as it should be."""

from datetime import timedelta

from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Deployment, FusebitUser

LATE = timedelta(minutes=2)


def checks() -> dict[str, str]:
    """Return `ok` or a word of trouble for Fusebit and for the queue; takes at most a few seconds."""
    return {"fusebit": "ok" if door.is_reachable() else "unreachable", "queue": _queue()}


def _queue() -> str:
    overdue = timezone.now() - LATE
    late = any(model.objects.filter(next_attempt_at__lt=overdue).exists() for model in (FusebitUser, Deployment))
    return "late" if late else "ok"
