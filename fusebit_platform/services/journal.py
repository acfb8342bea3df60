"""Writes down what ran and what it printed, in batches, and forgets it again in time."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F

from fusebit_platform.models import AuditEntry, BoundaryPolicy, Function, JournalCounter, LogLine, Run
from fusebit_platform.services import moments, transactions
from fusebit_platform.services.live_logs import Line, without_tokens

COUNTER = "journal"
RUNS_KEPT = 5_000  # per boundary
LINES_KEPT = 10_000  # per boundary
LINES_AT_ONCE = 2_000  # of a boundary in one batch …
CHARACTERS_AT_ONCE = 1_000_000  # … and how long they may be together
KEPT_DAYS = 30
AUDIT_KEPT_DAYS = 356
PRUNE_EVERY = 1_000  # rows that a boundary may be over its bound before it is cut back
PAGES_KEPT_KIB = 8_000  # of SQLite, near at hand: what is cut back lies together with what was just written
CHUNK = 1_000
MAX_PATH = 2_000
MAX_MESSAGE = 8_000
MAX_STATEMENTS = 50  # shown of what a call ran with
MAX_DETAIL = 500
MAX_PLACES = 1_000  # looked up per batch
PLACES_AT_ONCE = 200
DAY_MS = 24 * 60 * 60 * 1000

Kind = type[Run] | type[LogLine]
TABLES: dict[Kind, str] = {Run: "fusebit_platform_run", LogLine: "fusebit_platform_logline"}
Place = tuple[str, str]  # subscription and boundary
_place = attrgetter("subscription_id", "boundary_id")


class RunEntry(NamedTuple):
    """One call, as it is written down; `details` is a JSON object."""

    subscription_id: str
    boundary_id: str
    function_id: str
    version: int | None
    method: str
    path: str
    status: int
    source: str
    cause: str
    started_ms: int
    duration_ms: float
    cpu_ms: float | None
    request_bytes: int
    response_bytes: int
    trace_id: str
    kind: str
    details: str


class LineEntry(NamedTuple):
    """One line of log, as it is written down."""

    subscription_id: str
    boundary_id: str
    function_id: str
    version: int | None
    trace_id: str
    level: int
    message: str
    printed_ms: int


def storable(text: str, limit: int) -> str:
    """Return the beginning of a text without what a database can not hold."""
    text = text[:limit].replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def worth_writing(records: Sequence[Any], kept: int = RUNS_KEPT) -> Sequence[Any]:
    """Leave out the calls that would be cut back as soon as they were written: those before a boundary's latest."""
    counts = Counter(map(_place, records))
    too_many = {place: count - kept for place, count in counts.items() if count > kept}
    if not too_many:
        return records
    left = []
    for record in records:
        place = _place(record)
        if too_many.get(place, 0) > 0:
            too_many[place] -= 1
        else:
            left.append(record)
    return left


def run_entries(records: Iterable[Any]) -> list[RunEntry]:
    """Return what is written of calls as the gateway remembers them."""
    usual: dict[tuple[Any, int], str] = {}  # of calls without trouble, by who called and with which permissions
    entries = []
    for record in records:
        if record.missing is None and not record.message:
            key = (record.caller, id(record.permissions))
            details = usual.get(key) or usual.setdefault(key, _particulars(record))
        else:
            details = _particulars(record)
        entries.append(_entry(record, details))
    return entries


def _entry(record: Any, details: str) -> RunEntry:
    return RunEntry(  # in the order of its members: there may be many thousands a second
        record.subscription_id,
        record.boundary_id,
        record.function_id,
        version_in(record.version_id),
        record.method,
        record.path[:MAX_PATH] or "/",
        record.status,
        record.source,
        record.cause,
        int(record.started * 1000),
        record.duration_ms,
        record.cpu_ms,
        record.request_bytes,
        record.response_bytes,
        record.trace_id,
        record.kind,
        details,
    )


def _particulars(record: Any) -> str:
    """Return, as JSON, what only some calls have."""
    if record.caller is None and record.missing is None and not record.message and record.permissions is None:
        return "{}"
    members = {
        "caller": record.caller and dict(zip(("issuerId", "subject", "kid"), record.caller, strict=True)),
        "permissions": record.permissions and {"allow": record.permissions["allow"][:MAX_STATEMENTS]},
        "missing": record.missing and dict(zip(("action", "resource"), record.missing, strict=True)),
        "message": storable(without_tokens(record.message), MAX_DETAIL),
    }
    return json.dumps({name: value for name, value in members.items() if value})


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


@lru_cache(maxsize=4096)
def version_in(version_id: str) -> int | None:
    """Return the number of a version from the name that executions have given it, None when there is none."""
    number = version_id.partition(".")[0]
    return int(number) if number.isdecimal() else None


def write(*, runs: Sequence[RunEntry], lines: Sequence[LineEntry]) -> None:
    """Write a batch in one transaction, in the order given: lines first, since a run ends after it printed."""
    if not runs and not lines:
        return
    with transactions.note(), transaction.atomic(using=transactions.connection().alias):
        first = _numbers(len(runs) + len(lines))
        _insert(LogLine, first, lines)
        _insert(Run, first + len(lines), runs)


def of_known_places(runs: Sequence[RunEntry]) -> Sequence[RunEntry]:
    """Drop the calls of functions that are not there in boundaries that are not there either.

    Anybody can name those, without end; what is kept is bounded for each boundary.
    """
    named = list(dict.fromkeys(run[:2] for run in runs if run.version is None))
    known = {
        place for start in range(0, MAX_PLACES, PLACES_AT_ONCE) for place in _known(named[start:][:PLACES_AT_ONCE])
    }
    return [run for run in runs if run.version is not None or run[:2] in known] if named else runs


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


def _insert(model: Kind, first: int, rows: Sequence[RunEntry] | Sequence[LineEntry]) -> None:
    if not rows:
        return
    columns = ["number", *rows[0]._fields]
    names, values = ", ".join(columns), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {TABLES[model]} ({names}) VALUES ({values})"  # noqa: S608 - names of our own
    with transactions.connection().cursor() as cursor:
        cursor.executemany(statement, [(first + position, *row) for position, row in enumerate(rows)])


class Pruner:
    """Cuts boundaries back to their bounds once they are well over them."""

    def __init__(self, *, runs_kept: int = RUNS_KEPT, lines_kept: int = LINES_KEPT) -> None:
        self._kept: dict[Kind, int] = {Run: runs_kept, LogLine: lines_kept}
        self._added: dict[tuple[Kind, Place], int] = {}

    def written(self, *, runs: Iterable[RunEntry], lines: Iterable[LineEntry]) -> None:
        """Take note of a batch and cut back the boundaries in it that need it."""
        batches: tuple[tuple[Kind, Iterable[RunEntry] | Iterable[LineEntry]], ...] = ((Run, runs), (LogLine, lines))
        for model, rows in batches:
            for place, count in Counter(map(_place, rows)).items():
                key = (model, place)
                self._added[key] = self._added.get(key, PRUNE_EVERY - 1) + count  # the first batch finds what was there
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
