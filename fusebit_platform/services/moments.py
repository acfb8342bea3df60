"""Points in time as the contract writes and reads them (contract 4.8)."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

RELATIVE = re.compile(r"-([0-9]{1,9})([smhd])", re.ASCII)
DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
YEAR = re.compile(r"[0-9]{4}(-[0-9]{2})?", re.ASCII)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def iso(moment: datetime) -> str:
    """Return the moment as JavaScript prints it: milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_the_millisecond(moment: datetime) -> datetime:
    """Return the moment as precisely as it is shown."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def now() -> str:
    """Return the current moment."""
    return iso(datetime.now(UTC))


def now_ms() -> int:
    """Return the current moment in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def parse(text: str, reference: datetime) -> datetime | None:
    """Return the moment that `text` names: relative to `reference`, a date, or milliseconds of the epoch; else None."""
    relative = RELATIVE.fullmatch(text.strip())
    try:
        if relative:
            return reference - timedelta(**{UNITS[relative.group(2)]: int(relative.group(1))})
        return parse_date(text) or _epoch(text)
    except (ValueError, OverflowError, OSError):
        return None


def parse_date(text: str) -> datetime | None:
    """Return the moment of an ISO 8601 or RFC 1123 date; a date without a zone is UTC."""
    text = text.strip()
    if YEAR.fullmatch(text):
        text += "-01" if "-" in text else "-01-01"
    elif DIGITS.fullmatch(text):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _epoch(text: str) -> datetime | None:
    digits = DIGITS.match(text.strip())
    return datetime.fromtimestamp(int(digits.group()) / 1000, UTC) if digits else None
