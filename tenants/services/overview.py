"""What an operator sees first: what is stuck and why, how old the keys are, how Fusebit and the workers are."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Comparison, Tenant, WorkerPulse
from tenants.services import causes, diagnosis, drift, health, pulse

SANDBOX_UNKNOWN = "Fusebit does not answer."
SANDBOX_UNREPORTED = "This Fusebit does not report it."


@dataclass(frozen=True)
class Stuck:
    """Rows of one kind in one state for one cause, with what an operator should know of it."""

    kind: str
    state: str
    cause: str
    number: int
    words: str


@dataclass(frozen=True)
class Overview:
    """Everything on the page."""

    stuck: list[Stuck]
    suspended: int
    tenants: int
    oldest_due_s: int
    is_late: bool
    workers: list[WorkerPulse]
    comparison: Comparison | None
    keys: list[door.KeyFacts]
    sandbox: str
    sandbox_is_well: bool
    now: datetime


def compute() -> Overview:
    """Read it all; asks Fusebit once, for the sandbox."""
    sandbox, is_well = _sandbox()
    return Overview(
        stuck=[
            Stuck(kind, state, cause, number, causes.CATALOGUE[cause].operator if cause in causes.CATALOGUE else "")
            for kind, state, cause, number in diagnosis.in_trouble()
        ],
        suspended=Tenant.objects.exclude(suspended_at=None).count(),
        tenants=Tenant.objects.filter(ended_at=None).count(),
        oldest_due_s=round(health.oldest_due_s()),
        is_late=health.is_late(),
        workers=pulse.living(),
        comparison=drift.last(),
        keys=door.keys_in_use(),
        sandbox=sandbox,
        sandbox_is_well=is_well,
        now=timezone.now(),
    )


def _sandbox() -> tuple[str, bool]:
    try:
        state = door.extensions().sandbox
    except door.NotConfigured:
        return "No client was imported.", False
    except door.FusebitError:
        return SANDBOX_UNKNOWN, False
    if not state:
        return SANDBOX_UNREPORTED, True
    if state.get("refusing"):
        return f"Refuses to run functions: {state['refusing']}", False
    missing = [name for name, found in dict(state.get("layers") or {}).items() if found != "active"]
    if missing or state.get("weak"):
        return f"Weak: without {', '.join(missing) or 'some layer'}.", False
    return "Every layer active" + (", proven at start." if state.get("proven") else "."), True
