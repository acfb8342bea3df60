"""Reads cron expressions of five or six fields (contract 5.1)."""

import re
from dataclasses import dataclass
from zoneinfo import available_timezones

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


def parse(text: str) -> Expression:
    """Return the expression; fields missing at the end mean "every", a leading sixth field means seconds."""
    if len(text) > MAX_CHARACTERS:
        raise CronError("too long")
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
    return Expression(seconds, minutes, hours, days, months, weekdays, any_day, any_weekday)


def is_time_zone(name: str) -> bool:
    """Tell whether the tz database knows `name`, whatever its case."""
    return name.lower() in _zones()


_known: set[str] = set()


def _zones() -> set[str]:
    if not _known:
        _known.update(zone.lower() for zone in available_timezones())
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
