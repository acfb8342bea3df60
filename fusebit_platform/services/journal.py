"""Writes down what ran and what it printed, in batches, and forgets it again in time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from fusebit_platform.entries import RUNS_KEPT, LineEntry, Place, RunEntry, Runs, storable, version_in
from fusebit_platform.models import AuditEntry, BoundaryPolicy, Function, JournalCounter, LogLine, Run
from fusebit_platform.services import moments, transactions
from fusebit_platform.services.live_logs import Line

COUNTER = "journal"
LINES_KEPT = 10_000  # of a boundary
LINES_AT_ONCE = 2_000  # of a boundary in one batch …
CHARACTERS_AT_ONCE = 1_000_000  # … and how long they may be together
KEPT_DAYS = 30
AUDIT_KEPT_DAYS = 356
PRUNE_EVERY = 1_000  # rows that a boundary may be over its bound before it is cut back
PAGES_KEPT_KIB = 8_000  # of SQLite, near at hand: what is cut back lies together with what was just written
CHUNK = 1_000
MAX_MESSAGE = 8_000
MAX_PLACES = 1_000  # looked up per batch
PLACES_AT_ONCE = 200
DAY_MS = 24 * 60 * 60 * 1000

Kind = type[Run] | type[LogLine]
TABLES: dict[Kind, str] = {Run: "fusebit_platform_run", LogLine: "fusebit_platform_logline"}
COLUMNS: dict[Kind, Sequence[str]] = {
    Run: ("subscription_id", "boundary_id", *RunEntry._fields),
    LogLine: LineEntry._fields,
}
VERSION = RunEntry._fields.index("version")


def line_entry(line: Line) -> LineEntry:
    """Return what is written of a line that a function printed."""
    printed = moments.parse_date(line.time) or datetime.now(UTC)
    return LineEntry(
        subscription_id=line.subscription_id,
        boundary_id=line.boundary_id,
        function_id=line.function_id,
        version=version_in(line.revision),
        trace_id=line.trace_id,
        level=line.level,
        message=storable(line.text, MAX_MESSAGE),
        printed_ms=int(printed.timestamp() * 1000),
    )


def within_measure(lines: Iterable[LineEntry]) -> list[LineEntry]:
    """Return the lines but for those beyond what a boundary may print at once; say how many are missing."""
    kept: list[LineEntry] = []
    measured: dict[Place, tuple[int, int]] = {}  # lines and characters
    missing: Counter[Place] = Counter()
    latest: dict[Place, LineEntry] = {}
    for line in lines:
        place = (line.subscription_id, line.boundary_id)
        count, length = measured.get(place, (0, 0))
        if count < LINES_AT_ONCE and length + len(line.message) <= CHARACTERS_AT_ONCE:
            measured[place] = (count + 1, length + len(line.message))
            kept.append(line)
        else:
            missing[place] += 1
            latest[place] = line
    for place, count in missing.items():
        notice = f"{count} lines were not kept: too much was printed at once."
        kept.append(latest[place]._replace(level=50, message=notice))
    return kept


def write(*, runs: Runs, lines: Sequence[LineEntry]) -> None:
    """Write a batch in one transaction, in the order given: lines first, since a run ends after it printed.

    The runs of a boundary lie together, so that they share pages with each other when they are cut back.
    """
    if not runs and not lines:
        return
    with transactions.note(), transaction.atomic(using=transactions.connection().alias):
        first = _numbers(sum(map(len, runs.values())) + len(lines))
        _insert(LogLine, [(number, *line) for number, line in enumerate(lines, first)])
        first += len(lines)
        for place, rows in runs.items():
            _insert(Run, [(number, *place, *run) for number, run in enumerate(rows, first)])
            first += len(rows)


def of_known_places(runs: Runs) -> Runs:
    """Drop the calls of functions that are not there in boundaries that are not there either.

    Anybody can name those, without end; what is kept is bounded for each boundary.
    """
    named = [place for place, rows in runs.items() if all(run[VERSION] is None for run in rows)]
    if not named:
        return runs
    known = {
        place for start in range(0, MAX_PLACES, PLACES_AT_ONCE) for place in _known(named[start:][:PLACES_AT_ONCE])
    }
    unknown = {*named} - known
    return {place: rows for place, rows in runs.items() if place not in unknown}


def _known(places: Sequence[Place]) -> set[Place]:
    """Return those of the places that have a function, a run or a policy."""
    found: set[Place] = set()
    if places:
        wanted = {
            "subscription_id__in": {place[0] for place in places},
            "boundary_id__in": {place[1] for place in places},
        }
        for model in (Function, Run, BoundaryPolicy):
            found |= set(model.objects.filter(**wanted).values_list("subscription_id", "boundary_id").distinct())
    return found & set(places)


def _numbers(count: int) -> int:
    """Take `count` numbers and return the first; others who take some wait for the end of the transaction."""
    rows = JournalCounter.objects.filter(name=COUNTER)
    if not rows.update(value=F("value") + count):
        JournalCounter.objects.create(name=COUNTER, value=count)
    return rows.get().value - count + 1


def _insert(model: Kind, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    columns = ("number", *COLUMNS[model])
    names, values = ", ".join(columns), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {TABLES[model]} ({names}) VALUES ({values})"  # noqa: S608 - names of our own
    with transactions.connection().cursor() as cursor:
        cursor.executemany(statement, rows)


class Pruner:
    """Cuts boundaries back to their bounds once they are well over them."""

    def __init__(self, *, runs_kept: int = RUNS_KEPT, lines_kept: int = LINES_KEPT) -> None:
        self._kept: dict[Kind, int] = {Run: runs_kept, LogLine: lines_kept}
        self._added: dict[tuple[Kind, Place], int] = {}

    def written(self, *, runs: Runs, lines: Sequence[LineEntry]) -> None:
        """Take note of a batch and cut back the boundaries in it that need it."""
        written: dict[tuple[Kind, Place], int] = {(Run, place): len(rows) for place, rows in runs.items()}
        written |= {(LogLine, place): number for place, number in Counter(line[:2] for line in lines).items()}
        for key, number in written.items():
            self._added[key] = self._added.get(key, PRUNE_EVERY - 1) + number  # the first batch finds what was there
        due = [key for key, added in self._added.items() if added >= PRUNE_EVERY]
        if due:
            self._cut(due)
            self._added.update(dict.fromkeys(due, 0))

    def _cut(self, due: Sequence[tuple[Kind, Place]]) -> None:
        """Cut boundaries back in one transaction: their rows share pages, which are then written once."""
        connection = transactions.connection()
        with transactions.note(), transaction.atomic(using=connection.alias):
            if connection.vendor == "sqlite":
                with connection.cursor() as cursor:
                    cursor.execute(f"PRAGMA cache_size = -{PAGES_KEPT_KIB}")
                    cursor.execute("PRAGMA secure_delete = FAST")  # some builds would write every freed page once more
            for model, (subscription, boundary) in due:
                rows = model.objects.filter(subscription_id=subscription, boundary_id=boundary)
                latest_first = rows.order_by("-number").values_list("number", flat=True)
                for number in latest_first[self._kept[model] :][:1]:
                    rows.filter(number__lte=number).delete()


def forget_old(*, days: int = KEPT_DAYS, now_ms: Callable[[], int] | None = None) -> None:
    """Delete what is older than `days`, a chunk at a time, from the oldest on."""
    limit = (now_ms or _now_ms)() - days * DAY_MS
    for model, moment in ((Run, "started_ms"), (LogLine, "printed_ms")):
        while True:
            oldest = list(model.objects.order_by("number").values_list("number", moment)[:CHUNK])
            old = [number for number, at in oldest if at < limit]
            if old:
                with transactions.note():
                    model.objects.filter(number__in=old).delete()
            if len(old) < CHUNK:
                break


def forget_decisions(*, days: int = AUDIT_KEPT_DAYS) -> None:
    """Delete the decisions that are older than `days`, a chunk at a time (contract 4.8)."""
    limit = datetime.now(UTC) - timedelta(days=days)
    while True:
        oldest = AuditEntry.objects.order_by("number").values_list("number", "timestamp")[:CHUNK]
        old = [number for number, at in oldest if at < limit]
        if old:
            with transactions.note():
                AuditEntry.objects.filter(number__in=old).delete()
        if len(old) < CHUNK:
            break


def _now_ms() -> int:
    return int(time.time() * 1000)
