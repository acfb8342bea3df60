"""Copies what Fusebit says it ran, refused calls and those that bypass the site too, beside what the site knows."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from fusebit_bridge import door
from tenants.models import Function, Release, Run, Tenant
from tenants.services import bodies, deployments, secrets

RUNS, EVENTS, POLICY = "runs", "events", "policy"
REPORTED, UNREPORTED, UNKNOWN = "reported", "unreported", "unknown"
REMEMBERED_S = 30.0
AT_MOST_EVERY = timedelta(seconds=1)
PAGES = 5
PAGE = "100"
CLOCKS_DIFFER = timedelta(seconds=2)
KEPT = timedelta(days=30)
ROUND = timedelta(minutes=1)
TENANTS_PER_ROUND = 20
_offered: list[Any] = [0.0, frozenset()]  # until when, and which extensions there are


def standing(extension: str) -> str:
    """Return whether this Fusebit has `runs`, `events` or `policy`, asked twice a minute.

    It is reported, unreported, or unknown while Fusebit cannot be asked.
    """
    until, names = _offered
    if time.monotonic() >= until:
        try:
            names = door.extensions().names
        except door.FusebitError:
            return UNKNOWN
        _offered[:] = [time.monotonic() + REMEMBERED_S, names]
    return REPORTED if extension in names else UNREPORTED


def reports(extension: str) -> bool:
    """Tell whether this Fusebit is known to have the extension."""
    return standing(extension) == REPORTED


def forget_offers() -> None:
    """Ask what Fusebit reports again at the next occasion."""
    _offered[:] = [0.0, frozenset()]


def catch_up(*, tenant: Tenant) -> int:
    """Copy what is new, and return how many calls; at most once a second, however many people look.

    Returns 0, quietly, where Fusebit does not report or does not answer: pages show what is known.
    """
    if not _claim(tenant) or not reports(RUNS):
        return 0
    copied = 0
    try:
        session = deployments.session_for(tenant.pk, tenant.boundary_id, None)
        for _ in range(PAGES):
            cursor = tenant.runs_cursor or "0"
            items, following = session.runs(after=cursor, count=PAGE)
            copied += _copy(tenant, items, following or cursor)
            if len(items) < int(PAGE):
                break
    except door.FusebitError:
        return copied
    return copied


def round_of_all() -> None:
    """Catch up with tenants that nobody looked at for a while, and forget what is too old."""
    stale = Q(runs_copied_at=None) | Q(runs_copied_at__lt=timezone.now() - ROUND)
    for tenant in Tenant.objects.filter(stale, ended_at=None).order_by("runs_copied_at")[:TENANTS_PER_ROUND]:
        catch_up(tenant=tenant)
    bodies.purge()
    forget_old()


def forget_old() -> int:
    """Delete calls that are older than a month; return how many."""
    return Run.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]


def _claim(tenant: Tenant) -> bool:
    now = timezone.now()
    due = Q(runs_copied_at=None) | Q(runs_copied_at__lt=now - AT_MOST_EVERY)
    claimed = Tenant.objects.filter(due, pk=tenant.pk).update(runs_copied_at=now) == 1
    if claimed:
        tenant.refresh_from_db(fields=["runs_cursor"])
    return claimed


def _copy(tenant: Tenant, items: list[dict[str, Any]], cursor: str) -> int:
    """Write a page and the cursor behind it in one transaction."""
    with transaction.atomic():
        if items:
            _write(tenant, items)
        Tenant.objects.filter(pk=tenant.pk).update(runs_cursor=cursor)
    tenant.runs_cursor = cursor
    return len(items)


def _write(tenant: Tenant, items: list[dict[str, Any]]) -> None:
    copied = [item for item in map(_readable, items) if item is not None]
    known = _known(tenant, copied)
    names = {item["function_name"] for item in copied}
    functions = {one.name: one for one in tenant.functions.filter(deleted_at=None, name__in=names)}
    releases = _releases(functions)
    masks = {name: secrets.mask_of(function) for name, function in functions.items()}
    rows = []
    for item in copied:
        row = known.get(item["remote_id"]) or known.get(item["trace_id"] or "-") or Run(tenant=tenant)
        is_new = row._state.adding  # noqa: SLF001 (Django's documented way to ask)
        function = row.function or functions.get(item["function_name"])
        _fill(row, item, function, is_new=is_new)
        if function and is_new:
            row.version_number = _version(releases.get(function.pk, []), item["version"], row.created_at)
        if mask := masks.get(item["function_name"]):
            row.message = mask(row.message)
        rows.append((row, is_new))
    Run.objects.bulk_create([row for row, is_new in rows if is_new], ignore_conflicts=True)
    Run.objects.bulk_update([row for row, is_new in rows if not is_new], UPDATED)


UPDATED = ["remote_id", "source", "cause", "message", "cpu_ms", "request_size", "caller", "missing", "kind"]


def _readable(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is kept of a reported call; None for one that makes no sense."""
    try:
        began = parse_datetime(str(item["startedAt"]))
        if began is None:
            return None
        allowed = (item.get("permissions") or {}).get("allow") or []
        return {
            "remote_id": str(item["id"])[:40],
            "trace_id": str(item.get("traceId") or "")[:64],
            "function_name": str(item["functionId"])[:64],
            "version": item.get("version"),
            "created_at": began,
            "kind": str(item.get("kind") or "http")[:8],
            "method": str(item.get("method") or "")[:8],
            "path": str(item.get("path") or "")[:2000],
            "status": int(item["status"]),
            "source": str(item.get("source") or "")[:12],
            "duration_ms": round(float(item.get("durationMs") or 0), 2),
            "cpu_ms": None if item.get("cpuMs") is None else round(float(item["cpuMs"]), 2),
            "size": int(item.get("responseBytes") or 0),
            "request_size": int(item.get("requestBytes") or 0),
            "cause": str(item.get("cause") or "")[:24],
            "message": str(item.get("message") or "")[:2000].replace("\0", "\ufffd"),
            "caller": dict(item.get("caller") or {}),
            "permissions": list(allowed),
            "missing": dict(item.get("missing") or {}),
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _known(tenant: Tenant, items: list[dict[str, Any]]) -> dict[str, Run]:
    """Return the rows that are there already, by Fusebit's number and by trace."""
    numbers = [item["remote_id"] for item in items]
    traces = [item["trace_id"] for item in items if item["trace_id"]]
    rows = tenant.runs.filter(Q(remote_id__in=numbers) | Q(trace_id__in=traces)).select_related("function")
    known: dict[str, Run] = {}
    for row in rows:
        known |= {key: row for key in (row.remote_id, row.trace_id) if key}
    return known


def _fill(row: Run, item: dict[str, Any], function: Function | None, *, is_new: bool) -> None:
    """Take over what Fusebit knows; of a call that the site made, only what the site cannot know."""
    wanted = item.keys() - {"version"} if is_new else UPDATED
    for name in wanted:
        if is_new or item[name] not in ("", None, {}, []):
            setattr(row, name, item[name])
    if is_new:
        row.function = function


def _releases(functions: dict[str, Function]) -> dict[Any, list[Release]]:
    found: dict[Any, list[Release]] = {}
    for release in Release.objects.filter(function__in=functions.values()).select_related("version"):
        found.setdefault(release.function_id, []).append(release)
    return found


def _version(releases: list[Release], remote_version: int | None, at: datetime) -> int | None:
    """Return our number of the version that answered: the newest that was live then and that Fusebit numbers so."""
    fitting = [one for one in releases if remote_version is None or one.remote_version == remote_version]
    earlier = [one for one in fitting if one.at <= at + CLOCKS_DIFFER]
    chosen = earlier[0] if earlier else (fitting[-1] if fitting else None)
    return chosen.version.number if chosen else None
