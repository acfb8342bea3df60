"""Calls and errors of the last day as small drawings, made here: points for an SVG, and words for who cannot see it."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from tenants import selectors
from tenants.models import Tenant

HOURS, SLOTS = 24, 12
WIDTH, HEIGHT = 96, 22


@dataclass(frozen=True)
class Sparkline:
    """`calls` and `errors` are points of a polyline, empty where there is nothing to draw."""

    calls: str
    errors: str
    words: str


def of_functions(tenant: Tenant) -> dict[str, Sparkline]:
    """Return the drawing of every function that was called in the last day, by its name."""
    end = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    edges = [end - timedelta(hours=HOURS * slot / SLOTS) for slot in range(SLOTS, -1, -1)]
    return {name: _drawn(calls, errors) for name, (calls, errors) in selectors.calls_by_slot(tenant, edges).items()}


def _drawn(calls: list[int], errors: list[int]) -> Sparkline:
    most = max(*calls, 1)
    words = f"{sum(calls)} call{'s' if sum(calls) != 1 else ''}, {sum(errors)} failed or refused in the last 24 hours"
    return Sparkline(_points(calls, most), _points(errors, most) if any(errors) else "", words)


def _points(values: list[int], most: int) -> str:
    step = WIDTH / (len(values) - 1)
    top = HEIGHT - 2
    return " ".join(
        f"{round(at * step, 1)},{round(top - value / most * (top - 2) + 1, 1)}" for at, value in enumerate(values)
    )
