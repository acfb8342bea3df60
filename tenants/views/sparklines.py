"""Calls and errors of the last day as small drawings, made here: points for an SVG, and words for who cannot see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tenants import selectors
from tenants.models import Tenant

HOURS = 24
WIDTH, HEIGHT = 96, 22


@dataclass(frozen=True)
class Sparkline:
    """`calls` and `errors` are points of a polyline, empty where there is nothing to draw."""

    calls: str
    errors: str
    words: str


def of_functions(tenant: Tenant) -> dict[Any, Sparkline]:
    """Return the drawing of every function that was called in the last day, by its key."""
    end = timezone.now().replace(minute=0, second=0, microsecond=0)
    begin = end - timedelta(hours=HOURS - 1)
    counted: dict[Any, dict[int, tuple[int, int]]] = {}
    for row in selectors.calls_by_hour(tenant, begin):
        hour = round((row["hour"] - begin).total_seconds() / 3600)
        counted.setdefault(row["function_id"], {})[hour] = (row["calls"], row["errors"])
    return {function: _drawn(hours) for function, hours in counted.items()}


def _drawn(hours: Mapping[int, tuple[int, int]]) -> Sparkline:
    calls = [hours.get(hour, (0, 0))[0] for hour in range(HOURS)]
    errors = [hours.get(hour, (0, 0))[1] for hour in range(HOURS)]
    most = max(*calls, 1)
    words = f"{sum(calls)} call{'s' if sum(calls) != 1 else ''}, {sum(errors)} failed or refused in the last 24 hours"
    return Sparkline(_points(calls, most), _points(errors, most) if any(errors) else "", words)


def _points(values: list[int], most: int) -> str:
    step = WIDTH / (len(values) - 1)
    top = HEIGHT - 2
    return " ".join(
        f"{round(at * step, 1)},{round(top - value / most * (top - 2) + 1, 1)}" for at, value in enumerate(values)
    )
