"""Records every decision and lists them again (contract 3.8, 4.8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Substr
from django.utils import timezone

from fusebit_platform import resources
from fusebit_platform.authentication import Caller, Check
from fusebit_platform.authorization import permits
from fusebit_platform.errors import BadRequest, Unauthorized
from fusebit_platform.models import AuditEntry
from fusebit_platform.services import accounts, moments, paging, transactions

DEFAULT_WINDOW = timedelta(minutes=15)


def ensure_authorized(caller: Caller, action: str, resource: str) -> None:
    """Raise Unauthorized unless the caller may do `action` on `resource`; the decision is recorded either way."""
    if first_denied(caller, [(action, resource)]) is not None:
        raise Unauthorized


def first_denied(caller: Caller, needed: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the first action and resource that the caller may not do, None when all are allowed.

    Every decision up to that one is recorded. This is the one place where a request is allowed.
    """
    checks, denied = [*caller.checks], None
    for action, resource in needed:
        normalized = resources.normalize(resource)
        authorized = permits(caller.access, action, normalized)
        checks.append(Check(action, normalized, authorized))
        if not authorized:
            denied = (action, resource)
            break
    record(caller, checks)
    return denied


def record(caller: Caller, checks: Iterable[Check]) -> None:
    """Write one row per decision, readable by the next request."""
    now = moments.to_the_millisecond(timezone.now())  # a bound that was read off a row includes the row
    rows = [
        AuditEntry(
            account_id=caller.account_id,
            issuer_id=caller.issuer_id,
            subject=caller.subject,
            action=check.action,
            resource=check.resource,
            authorized=check.authorized,
            timestamp=now,
        )
        for check in checks
        if "\0" not in check.action + check.resource
    ]
    if rows:
        with transactions.note():
            AuditEntry.objects.bulk_create(rows)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What an audit list may be narrowed by; texts as they came."""

    since: str | None = None
    until: str | None = None
    action: str | None = None
    resource: str | None = None
    issuer_id: str | None = None
    subject: str | None = None


def list_entries(*, account_id: str, filters: Filters, count: int | None, next_token: str | None) -> dict[str, Any]:
    """Return a page of the account's decisions, the oldest first."""
    accounts.require(account_id)
    size = paging.limit(count)
    after = paging.position(next_token, int)
    since, until = _window(filters)
    rows = AuditEntry.objects.filter(account_id=account_id, timestamp__gte=since)
    if until is not None:
        rows = rows.filter(timestamp__lte=until)
    if filters.subject is not None and filters.issuer_id is None:
        raise BadRequest(f"The 'subject' filter '{filters.subject}' can not be specified without the 'issuerId' filter")
    exact = {"issuer_id": filters.issuer_id, "subject": filters.subject}
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    for name, prefix in (("action", _action_prefix(filters.action)), ("resource", filters.resource)):
        if prefix:
            rows = rows.alias(**{f"{name}_start": Substr(name, 1, len(prefix))}).filter(**{f"{name}_start": prefix})
    if after is not None:
        rows = rows.filter(number__gt=after)
    found = list(rows.order_by(F("number"))[: size + 1])
    return paging.page(found, size, _as_json, lambda row: row.number)


def _action_prefix(action: str | None) -> str | None:
    if action is None:
        return None
    segments = action.split(":")
    named = list(segments)
    while named and named[-1] == "*":
        named.pop()
    if len(segments) not in {2, 3} or not named:
        raise BadRequest(f"The 'action' filter '{action}' is invalid")
    return ":".join(named)


def _window(filters: Filters) -> tuple[datetime, datetime | None]:
    now = datetime.now(UTC)
    since = _moment("from", filters.since, now) or now - DEFAULT_WINDOW
    until = _moment("to", filters.until, now)
    if until is not None and since > until:
        raise BadRequest(
            f"The 'to' filter date/time '{moments.iso(until)}' must be later in time than the 'from' filter "
            f"date/time of '{moments.iso(since)}'"
        )
    return since, until


def _moment(name: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    moment = moments.parse(text, now)
    if moment is None:
        raise BadRequest(
            f"The '{name}' filter date/time '{text}' is invalid. Specify an absolute date/time, or a relative time "
            "such as '-15m', '-2h', or '-6d'."
        )
    return moment


def _as_json(row: AuditEntry) -> dict[str, Any]:
    return {
        "accountId": row.account_id,
        "resource": row.resource,
        "issuerId": row.issuer_id,
        "subject": row.subject,
        "action": row.action,
        "authorized": row.authorized,
        "timestamp": moments.iso(row.timestamp),
    }
