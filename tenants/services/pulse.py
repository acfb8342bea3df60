"""Lets the rest of the product see that a worker lives, and what it waits for."""

import os
import socket
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import WorkerPulse

ALIVE_FOR = timedelta(seconds=30)
KEPT_FOR = timedelta(hours=1)
BEAT_EVERY_S = 5.0


def name() -> str:
    """Return how this worker is called: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def beat(*, holding_back: str) -> None:
    """Write down that this worker lives; workers that have not for an hour are forgotten."""
    now = timezone.now()
    facts = {"beat_at": now, "holding_back": holding_back, "clock_skew_s": door.clock_skew()}
    with transaction.atomic():
        WorkerPulse.objects.update_or_create(name=name(), defaults=facts, create_defaults={**facts, "started_at": now})
        WorkerPulse.objects.filter(beat_at__lt=now - KEPT_FOR).delete()


def living() -> list[WorkerPulse]:
    """Return the workers that were alive half a minute ago."""
    return list(WorkerPulse.objects.filter(beat_at__gte=timezone.now() - ALIVE_FOR))
