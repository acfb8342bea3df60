"""Numbers for a monitoring system, in Prometheus' text format."""

from collections.abc import Iterable

from django.db.models import Count
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import BoundaryPolicy, Deployment, FusebitUser, Tenant
from tenants.services import diagnosis, drift, health, pulse

Sample = tuple[dict[str, str], float]
KINDS = (("user", FusebitUser), ("deployment", Deployment), ("policy", BoundaryPolicy))


def text() -> str:
    """Return everything, one family after the other."""
    families: tuple[tuple[str, str, Iterable[Sample]], ...] = (
        ("onboarding_tenants", "Tenants.", [({}, Tenant.objects.filter(ended_at=None).count())]),
        ("onboarding_rows", "Reconciled rows by kind and state.", _rows()),
        ("onboarding_rows_in_trouble", "Rows that are not in order, by cause.", _trouble()),
        ("onboarding_oldest_due_seconds", "How long the oldest due row waits.", [({}, health.oldest_due_s())]),
        ("onboarding_workers", "Workers that were alive half a minute ago.", [({}, len(pulse.living()))]),
        ("onboarding_workers_held_back", "Those that wait for Fusebit.", [({}, _held_back())]),
        ("onboarding_comparison_differences", "What the last comparison found.", _differences()),
        ("onboarding_comparison_age_seconds", "How long ago that was.", _comparison_age()),
        ("onboarding_key_age_seconds", "How old the keys in use are.", _key_ages()),
    )
    return "".join(_family(*family) for family in families)


def _family(name: str, words: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{told}}} {value:g}" if told else f"{name} {value:g}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _rows() -> Iterable[Sample]:
    for kind, model in KINDS:
        for state, number in model.objects.order_by().values_list("state").annotate(number=Count("pk")):
            yield {"kind": kind, "state": state}, number


def _trouble() -> Iterable[Sample]:
    for kind, state, cause, number in diagnosis.in_trouble():
        yield {"kind": kind, "state": state, "cause": cause}, number


def _held_back() -> int:
    return sum(bool(worker.holding_back) for worker in pulse.living())


def _differences() -> Iterable[Sample]:
    last = drift.last()
    return [({"verb": verb}, number) for verb, number in (last.counts if last else {}).items()]


def _comparison_age() -> Iterable[Sample]:
    last = drift.last()
    return [({}, (timezone.now() - last.asked_at).total_seconds())] if last else []


def _key_ages() -> Iterable[Sample]:
    now = timezone.now()
    return [({"purpose": key.purpose}, (now - key.created_at).total_seconds()) for key in door.keys_in_use()]
