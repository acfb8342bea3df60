"""When a schedule comes true next: five fields, or six with seconds in front, in a time zone (contract 5.1, 5.8)."""

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from django.utils import timezone

from tenants.errors import InvalidInput

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}
SHOWN = 3


def next_runs(cron: str, time_zone: str = "", count: int = SHOWN) -> list[datetime]:
    """Return the next moments in the zone's own time; raise InvalidInput for what never comes true."""
    zone = zone_of(time_zone)
    text = MACROS.get(cron.strip().lower(), cron.strip())
    if len(text.split()) not in {5, 6}:
        raise InvalidInput(
            "Write five fields: minute, hour, day, month, weekday. For example 0 9 * * 1-5.", field="cron"
        )
    try:
        found = list(islice(CronSim(text, timezone.now().astimezone(zone)), count))
    except CronSimError as error:
        raise InvalidInput(f"This is not a cron expression: {error}.", field="cron") from None
    if not found:
        raise InvalidInput("This never comes true.", field="cron")
    return found


def zone_of(name: str) -> ZoneInfo:
    """Return the zone; UTC for none. Raise InvalidInput for one that does not exist."""
    if name and name not in available_timezones():
        raise InvalidInput("There is no such time zone. Write it like Europe/Berlin.", field="timezone")
    return ZoneInfo(name or "UTC")


def zones() -> list[str]:
    """Return the names of all zones with a place, and UTC."""
    return ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]
