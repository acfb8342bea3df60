"""Lets the rest of the product see that a worker lives, and what it waits for."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import BoundaryPolicy, Deployment, FusebitUser, WorkerPulse
from tenants.services import process

ALIVE_FOR = timedelta(seconds=30)
KEPT_FOR = timedelta(hours=1)
BEAT_EVERY_S = 5.0


def beat(*, holding_back: str) -> None:
    """Write down that this worker lives; workers that have not for an hour are forgotten."""
    now = timezone.now()
    facts = {"beat_at": now, "holding_back": holding_back, "clock_skew_s": door.clock_skew()}
    with transaction.atomic():
        WorkerPulse.objects.update_or_create(
            name=process.name(), defaults=facts, create_defaults={**facts, "started_at": now}
        )
        WorkerPulse.objects.filter(beat_at__lt=now - KEPT_FOR).delete()


def living() -> list[WorkerPulse]:
    """Return the workers that were alive half a minute ago."""
    return list(WorkerPulse.objects.filter(beat_at__gte=timezone.now() - ALIVE_FOR))


def take_back_leases() -> int:
    """Free the rows of processes that have ended without giving them back; return how many there were."""
    now = timezone.now()
    silent = set(WorkerPulse.objects.filter(beat_at__lt=now - ALIVE_FOR).values_list("name", flat=True))
    freed = 0
    for model in (FusebitUser, Deployment, BoundaryPolicy):
        gone = {owner for owner in model.objects.holders(now) if owner in silent or process.is_gone(owner)}
        freed += model.objects.release(gone) if gone else 0
    return freed
