"""Reads what ran in a boundary and what it printed: pages, one run with its lines, and everything after a number."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet

from fusebit_platform.errors import BadRequest, NotFound, SubscriptionMissing
from fusebit_platform.models import JournalCounter, LogLine, Run, Subscription
from fusebit_platform.services import journal, moments, paging

LINES_OF_A_RUN = 1_000
EVENTS_AT_ONCE = 500
CLASSES = {"1xx": 100, "2xx": 200, "3xx": 300, "4xx": 400, "5xx": 500}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list of runs may be narrowed by; None where nothing was said."""

    function_id: str | None = None
    status: str | None = None
    cause: str | None = None
    method: str | None = None
    since: str | None = None
    until: str | None = None
    trace_id: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Whose runs are asked for."""

    account_id: str
    subscription_id: str
    boundary_id: str


class Event(NamedTuple):
    """A run or a line of log, as streams send it."""

    number: int
    kind: str
    data: dict[str, Any]


def list_runs(
    *, boundary: Boundary, filters: Filters, after: int | None, before: int | None, count: int | None
) -> dict[str, Any]:
    """Return a page: the latest first, or with `after` what came later, with the number to go on from."""
    size = paging.limit(count)
    rows = _rows_of(boundary, Run)
    if after is not None:
        highest = rows.aggregate(highest=Max("number"))["highest"] or 0
        found = list(_narrowed(rows, filters).filter(number__gt=after, number__lte=highest).order_by("number")[:size])
        reached = found[-1].number if len(found) == size else max(highest, after)
        return {"items": [run_json(run) for run in found], "next": str(reached)}
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(_narrowed(rows, filters).order_by("-number")[: size + 1])
    answer: dict[str, Any] = {"items": [run_json(run) for run in found[:size]]}
    return answer | ({"next": str(found[size - 1].number)} if len(found) > size else {})


def get_run(*, boundary: Boundary, number: int) -> dict[str, Any]:
    """Return one run with what it printed; raise NotFound."""
    run = _rows_of(boundary, Run).filter(number=number).first()
    if run is None:
        raise NotFound
    lines = LogLine.objects.filter(trace_id=run.trace_id, subscription_id=run.subscription_id)
    lines = lines.filter(boundary_id=run.boundary_id, function_id=run.function_id).order_by("number")
    shown = [{**line_json(line), "runId": str(number)} for line in lines[:LINES_OF_A_RUN]]
    return {**run_json(run), "logs": shown}


def events_after(*, boundary: Boundary, number: int, function_id: str | None = None) -> list[Event]:
    """Return the next runs and lines after `number`, in order."""
    found: list[Event] = []
    sources: tuple[tuple[Any, str, Callable[[Any], dict[str, Any]]], ...] = (
        (Run, "run", run_json),
        (LogLine, "log", line_json),
    )
    for model, kind, render in sources:
        rows = model.objects.filter(subscription_id=boundary.subscription_id, boundary_id=boundary.boundary_id)
        rows = rows.filter(number__gt=number)
        if function_id is not None:
            rows = rows.filter(function_id=function_id)
        found += [Event(row.number, kind, render(row)) for row in rows.order_by("number")[:EVENTS_AT_ONCE]]
    return sorted(found)[:EVENTS_AT_ONCE]


def latest() -> int:
    """Return the highest number of all."""
    row = JournalCounter.objects.filter(name=journal.COUNTER).first()
    return row.value if row else 0


def touched_between(number: int, highest: int) -> set[tuple[str, str]]:
    """Return the boundaries that got a run or a line after `number` up to `highest`."""
    places: set[tuple[str, str]] = set()
    for model in (Run, LogLine):
        rows = model.objects.filter(number__gt=number, number__lte=highest)
        places |= set(rows.values_list("subscription_id", "boundary_id").distinct())
    return places


def require(boundary: Boundary) -> None:
    """Raise SubscriptionMissing unless the subscription belongs to the account."""
    if not Subscription.objects.filter(pk=boundary.subscription_id, account_id=boundary.account_id).exists():
        raise SubscriptionMissing


def _rows_of(boundary: Boundary, model: type[Run]) -> "QuerySet[Run]":
    require(boundary)
    return model.objects.filter(subscription_id=boundary.subscription_id, boundary_id=boundary.boundary_id)


def _narrowed(rows: "QuerySet[Run]", filters: Filters) -> "QuerySet[Run]":
    exact = {
        "function_id": filters.function_id,
        "cause": filters.cause,
        "method": filters.method.upper() if filters.method else None,
        "trace_id": filters.trace_id,
        "version": filters.version,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if filters.status in CLASSES:
        rows = rows.filter(status__gte=CLASSES[filters.status], status__lt=CLASSES[filters.status] + 100)
    elif filters.status is not None:
        rows = rows.filter(status=int(filters.status))
    for name, text, lookup in (("from", filters.since, "started_ms__gte"), ("to", filters.until, "started_ms__lte")):
        if text is not None:
            rows = rows.filter(**{lookup: _milliseconds(name, text)})
    return rows


def _milliseconds(name: str, text: str) -> int:
    moment = moments.parse(text, datetime.now(UTC))
    if moment is None:
        raise BadRequest(f"The '{name}' filter date/time '{text}' is invalid")
    return int(moment.timestamp() * 1000)


def _iso(milliseconds: int) -> str:
    return moments.iso(datetime.fromtimestamp(milliseconds / 1000, UTC))


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as it is on the wire."""
    answer: dict[str, Any] = {
        "id": str(run.number),
        "functionId": run.function_id,
        "version": run.version,
        "method": run.method,
        "path": run.path,
        "status": run.status,
        "source": run.source,
        "cause": run.cause or None,
        "startedAt": _iso(run.started_ms),
        "durationMs": round(run.duration_ms, 3),
    }
    if run.cpu_ms is not None:
        answer["cpuMs"] = round(run.cpu_ms, 3)
    answer |= {"requestBytes": run.request_bytes, "responseBytes": run.response_bytes}
    answer |= {"traceId": run.trace_id, "kind": run.kind}
    details: dict[str, Any] = json.loads(run.details)
    return answer | details


def line_json(line: LogLine) -> dict[str, Any]:
    """Return a line of log as it is on the wire."""
    return {
        "functionId": line.function_id,
        "version": line.version,
        "traceId": line.trace_id,
        "level": line.level,
        "msg": line.message,
        "time": _iso(line.printed_ms),
    }
