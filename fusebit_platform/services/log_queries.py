"""Finds lines of log that are kept; a query is its own id, so nothing has to be remembered (contract 7.2)."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fusebit_platform.errors import BadRequest, NotFound
from fusebit_platform.models import LogLine, Subscription
from fusebit_platform.services import moments

DEFAULT_WINDOW = timedelta(seconds=300)
MAX_SPAN = timedelta(days=7)
MAX_AGE = timedelta(days=30)
DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class Level:
    """Whose lines are asked for, from an account down to a function."""

    account_id: str
    subscription_id: str | None = None
    boundary_id: str | None = None
    function_id: str | None = None


def begin(*, text: str, since: str, until: str, limit: int) -> str:
    """Return the id of a query, its window fixed; raise BadRequest for a window that is not kept."""
    now = datetime.now(UTC)
    end = _moment("to", until, now) or now
    start = _moment("from", since, now) or end - DEFAULT_WINDOW
    if start > end or end - start > MAX_SPAN or now - start > MAX_AGE:
        raise BadRequest("The window must be at most 7 days long and begin at most 30 days ago.")
    query = [text, int(start.timestamp() * 1000), int(end.timestamp() * 1000), limit]
    return base64.urlsafe_b64encode(json.dumps(query).encode()).decode().rstrip("=")


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    moment = moments.parse(text, now) if text else None
    if text and moment is None:
        raise BadRequest(f"The '{name}' date/time '{text}' is invalid")
    return moment


def result(*, level: Level, query_id: str) -> dict[str, Any]:
    """Return the lines that the query asks for, the latest first; raise NotFound when it is no query."""
    text, start, end, limit = _read(query_id)
    subscriptions = Subscription.objects.filter(account_id=level.account_id)
    if level.subscription_id is not None:
        subscriptions = subscriptions.filter(pk=level.subscription_id)
    rows = LogLine.objects.filter(subscription_id__in=subscriptions.values("pk"))
    narrower = {"boundary_id": level.boundary_id, "function_id": level.function_id}
    rows = rows.filter(**{name: value for name, value in narrower.items() if value is not None})
    rows = rows.filter(printed_ms__gte=start, printed_ms__lte=end, message__contains=text)
    found = rows.order_by("-number")[:limit]
    return {"status": "complete", "recordsMatched": rows.count(), "results": [_as_json(row) for row in found]}


def _read(query_id: str) -> tuple[str, int, int, int]:
    try:
        content = base64.b64decode(query_id + "=" * (-len(query_id) % 4), altchars=b"-_", validate=True)
        text, *numbers = json.loads(content)
        start, end, limit = (number for number in numbers if isinstance(number, int) and 0 <= number < 2**53)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise NotFound from None
    if not isinstance(text, str) or not text.isprintable() or not 0 < limit <= MAX_LIMIT:
        raise NotFound
    return text, start, end, limit


def _as_json(row: LogLine) -> dict[str, Any]:
    return {
        "timestamp": moments.iso(datetime.fromtimestamp(row.printed_ms / 1000, UTC)),
        "level": row.level,
        "message": row.message,
        "subscriptionId": row.subscription_id,
        "boundaryId": row.boundary_id,
        "functionId": row.function_id,
        "traceId": row.trace_id,
    }
