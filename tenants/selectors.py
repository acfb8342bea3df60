"""Named reads; every look-up starts from the tenant, so that somebody else's object does not exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_datetime

from tenants.models import (
    AuditEvent,
    Deployment,
    Function,
    FunctionVersion,
    Membership,
    Reconciled,
    Run,
    RunBody,
    Tenant,
)

Person = AbstractBaseUser | AnonymousUser


def memberships_of(user: Person) -> QuerySet[Membership]:
    """Return the person's memberships with their tenants, the oldest first; a tenant that ended has none."""
    return Membership.objects.filter(user_id=user.pk or 0, tenant__ended_at=None).select_related("tenant")


def tenant_of(user: Person) -> Tenant | None:
    """Return the person's first tenant."""
    membership = memberships_of(user).first()
    return membership.tenant if membership else None


def membership_or_404(user: Person, slug: str) -> Membership:
    """Return the person's membership of the tenant `slug`; a stranger's tenant does not exist."""
    return get_object_or_404(memberships_of(user), tenant__slug=slug)


def functions_of(tenant: Tenant) -> QuerySet[Function]:
    """Return the tenant's functions with what is deployed."""
    return tenant.functions.filter(deleted_at=None).select_related(
        "tenant", "deployment", "deployment__version", "deployment__live_version"
    )


def function_or_404(tenant: Tenant, name: str) -> Function:
    """Return the tenant's function `name`."""
    if not name.isprintable():  # PostgreSQL will not even look for some of them
        raise Http404
    return get_object_or_404(functions_of(tenant), name=name)


def functions_with_activity(tenant: Tenant) -> QuerySet[Function]:
    """Return the tenant's functions with the number of their latest version and their last call."""
    last = Run.objects.filter(function=OuterRef("pk"))
    return functions_of(tenant).annotate(
        latest_number=Subquery(FunctionVersion.objects.filter(function=OuterRef("pk")).values("number")[:1]),
        last_status=Subquery(last.values("status")[:1]),
        last_cause=Subquery(last.values("cause")[:1]),
        last_run_at=Subquery(last.values("created_at")[:1]),
    )


def last_function(tenant: Tenant, user: Person, open_last: str = "") -> Function | None:
    """Return the function `open_last`, else the one that the person saved last, else the first by name."""
    functions = functions_of(tenant).exclude(deployment__absent=True)
    saved = functions.filter(versions__author_id=user.pk).order_by("-versions__created_at")
    return functions.filter(name=open_last).first() or saved.first() or functions.first()


def recent_runs(function: Function, limit: int = 20) -> QuerySet[Run]:
    """Return the newest calls of the function, each with `is_kept`: whether its request is."""
    kept = RunBody.objects.filter(run=OuterRef("pk"))
    return function.runs.select_related("actor").annotate(is_kept=Exists(kept))[:limit]


def audit_page(tenant: Tenant, before: int | None, limit: int) -> list[AuditEvent]:
    """Return the tenant's newest changes, or those before the one with the number `before`."""
    rows = tenant.audit_events.exclude(number=None).select_related("actor").order_by("-number")
    return list((rows.filter(number__lt=before) if before is not None else rows)[:limit])


def runs_of(tenant: Tenant, wanted: Mapping[str, Any]) -> QuerySet[Run]:
    """Return the tenant's calls, newest first, narrowed by what `wanted` says (see forms.RunFilterForm)."""
    rows = tenant.runs.select_related("function", "actor")
    exact = {"function": "function_name", "cause": "cause", "method": "method", "version": "version_number"}
    rows = rows.filter(**{column: wanted[name] for name, column in exact.items() if name in wanted})
    if "since" in wanted:
        rows = rows.filter(created_at__gte=wanted["since"])
    if "until" in wanted:
        rows = rows.filter(created_at__lte=wanted["until"])
    if status := wanted.get("status"):
        failed = ~Q(cause="") | Q(status__gte=400) | Q(status=None)
        first = 0 if status == "failed" else int(status[0]) * 100
        rows = rows.filter(failed if status == "failed" else Q(status__gte=first, status__lt=first + 100))
    if text := wanted.get("q"):
        rows = rows.filter(
            Q(path__icontains=text) | Q(message__icontains=text) | Q(trace_id__startswith=text) | Q(reference_id=text)
        )
    return rows


@dataclass(frozen=True)
class Usage:
    """What a function used: calls, failed or refused ones, latency in ms, processor time in seconds."""

    calls: int
    errors: int
    p50_ms: float
    p95_ms: float
    cpu_s: float


def usage_of(function: Function, since: datetime) -> Usage:
    """Return what the function used since then."""
    rows = function.runs.filter(created_at__gte=since)
    counted = rows.aggregate(calls=Count("pk"), errors=Count("pk", filter=~Q(cause="")), cpu=Sum("cpu_ms"))
    calls = counted["calls"]
    slower = rows.order_by("duration_ms").values_list("duration_ms", flat=True)
    p50, p95 = ((slower[int(calls * share)] if calls else 0.0) for share in (0.5, 0.95))
    return Usage(calls, counted["errors"], p50, p95, (counted["cpu"] or 0.0) / 1000)


def calls_by_slot(tenant: Tenant, edges: Sequence[datetime]) -> dict[str, tuple[list[int], list[int]]]:
    """Return calls and failed calls between each two moments, by the name of the function.

    The database counts and gives one row a function: reading a day of calls, or a row an hour, takes far longer.
    """
    slots = range(len(edges) - 1)
    within = [Q(created_at__gte=edges[at], created_at__lt=edges[at + 1]) for at in slots]
    counts = {f"calls_{at}": Count("pk", filter=within[at]) for at in slots}
    counts |= {f"errors_{at}": Count("pk", filter=within[at] & ~Q(cause="")) for at in slots}
    rows = tenant.runs.filter(created_at__gte=edges[0]).exclude(function=None).order_by()
    names = ["function_name", *counts]
    found = rows.values("function_name").annotate(**counts).values_list(*names)
    return {name: (list(numbers[: len(slots)]), list(numbers[len(slots) :])) for name, *numbers in found}


def runs_before(rows: QuerySet[Run], position: str) -> QuerySet[Run]:
    """Return the calls that come after `position`, as `position_of` wrote it, in the order of the list."""
    moment, _, pk = position.partition("~")
    try:
        at, last = parse_datetime(moment), UUID(pk)
    except ValueError:
        return rows
    return rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=last)) if at else rows


def position_of(run: Run) -> str:
    """Return where the call stands in the list, to go on from."""
    return f"{run.created_at.isoformat()}~{run.pk}"


def run_or_404(tenant: Tenant, run_id: Any) -> Run:
    """Return the tenant's call `run_id`."""
    rows = tenant.runs.select_related("tenant", "actor", "function__deployment__live_version", "function__tenant")
    return get_object_or_404(rows, pk=run_id)


def due_rows(model: type[Reconciled], now: Any, limit: int) -> list[Any]:
    """Return the rows of `model` that have work to do now."""
    return list(model.objects.due(now)[:limit])


def first_deployment(tenant: Tenant) -> Deployment | None:
    """Return the deployment of the tenant's first function."""
    return Deployment.objects.filter(function__tenant=tenant).order_by("function__created_at", "pk").first()
