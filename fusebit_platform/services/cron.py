"""Reads cron expressions of five or six fields and tells when they come true (contract 5.1, 5.8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MAX_CHARACTERS = 1000
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: str(number + 1) for number, name in enumerate(MONTH_NAMES)}
DAYS = {name: str(number) for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
DEFAULTS = ("0", "*", "*", "*", "*", "*")
ANY = {"*", "?"}
PART = re.compile(r"(?:(\*|\?)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,4}))?", re.ASCII)


class CronError(ValueError):
    """The text is no cron expression, or never comes true."""


@dataclass(frozen=True, slots=True)
class Expression:
    """The values at which each field comes true; Sunday is 0."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    steps: tuple[str, ...]  # of seconds, minutes and hours, as they were written

    def text(self) -> str:
        """Return the expression in the words every cron knows: no names, no missing fields."""
        seconds, minutes, hours = self.steps
        clock = [minutes, hours] if seconds == "0" else [seconds, minutes, hours]
        days = "*" if self.any_day else _listed(self.days)
        weekdays = "*" if self.any_weekday else _listed(self.weekdays)
        return " ".join((*clock, days, _listed(self.months), weekdays))


def following(text: str, moment: datetime) -> datetime | None:
    """Return the first moment after `moment`, in its time zone, at which the expression comes true, or None.

    A time that a change of clocks skips comes true right after it; one that occurs twice, the first time only.
    """
    try:
        return next(CronSim(parse(text).text(), moment))
    except (CronSimError, StopIteration):
        return None


def next_due(schedule: Mapping[str, str], after_ms: int) -> int | None:
    """Return the first moment of a schedule after `after_ms`, or None when there is none."""
    if "cron" not in schedule:
        return None
    zone = time_zone(schedule.get("timezone") or "UTC")
    moment = following(schedule["cron"], datetime.fromtimestamp(after_ms / 1000, UTC).astimezone(zone))
    return None if moment is None else int(moment.timestamp()) * 1000


def time_zone(name: str) -> ZoneInfo:
    """Return the zone of that name, whatever its case; UTC when the tz database does not know it any more."""
    return ZoneInfo(_zones().get(name.lower(), "UTC"))


def _listed(values: frozenset[int]) -> str:
    return ",".join(map(str, sorted(values)))


def parse(text: object) -> Expression:
    """Return the expression; fields missing at the end mean "every", a leading sixth field means seconds."""
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise CronError("no text, or too long a one")
    fields = MACROS.get(text.strip().lower(), text).split()
    if len(fields) > len(BOUNDS):
        raise CronError("too many fields")
    if len(fields) < len(BOUNDS):
        fields = ["0", *fields]
    fields += DEFAULTS[len(fields) :]
    fields[4] = _numbered(fields[4], MONTHS)
    fields[5] = _numbered(fields[5], DAYS)
    seconds, minutes, hours, days, months, weekdays = map(_values, fields, BOUNDS)
    any_day, any_weekday = fields[3] in ANY, fields[5] in ANY
    if any_weekday and not any(min(days) <= DAYS_OF_MONTH[month - 1] for month in months):
        raise CronError("no such date")
    weekdays = frozenset(day % 7 for day in weekdays)
    steps = tuple(field.replace("?", "*") for field in fields[:3])
    return Expression(seconds, minutes, hours, days, months, weekdays, any_day, any_weekday, steps)


def is_time_zone(name: object) -> bool:
    """Tell whether the tz database knows `name`, whatever its case."""
    return isinstance(name, str) and name.lower() in _zones()


_known: dict[str, str] = {}


def _zones() -> dict[str, str]:
    if not _known:
        _known.update({zone.lower(): zone for zone in available_timezones()})
    return _known


def _numbered(field: str, names: dict[str, str]) -> str:
    return re.sub(r"[a-z]{3}", lambda found: names.get(found.group(), found.group()), field.lower())


def _values(field: str, bounds: tuple[int, int]) -> frozenset[int]:
    low, high = bounds
    found: set[int] = set()
    for part in field.split(","):
        match = PART.fullmatch(part)
        if match is None:
            raise CronError(part)
        every, first, last, step = match.groups()
        start = low if every else int(first)
        end = high if every or (step and not last) else int(last or first)
        if start < low or end > high or start > end or step == "0":
            raise CronError(part)
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)
