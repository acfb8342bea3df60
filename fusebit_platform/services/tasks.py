"""Tasks: runs that are asked for now and happen later, bounded per route (contract 6.7)."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Min, Q
from pydantic_core import to_json

from fusebit_platform.errors import BadRequest, NotFound, TooManyRequests
from fusebit_platform.models import Function, TaskRun
from fusebit_platform.services import moments, transactions
from fusebit_platform.services.functions import Address, key_of, require

MAX_RUNNING = 10
PAUSE_MS = 500  # before another task takes a place of a limited route: who looks at all of them never sees too many
MOST_RUNNING = 500  # at once of one route, also where it sets no limit: a process takes no more calls than that
MOST_PENDING = 10_000  # of one function, also where its routes set no limit
DAY_S = 24 * 60 * 60
LEASE_MS = 30_000
MAX_RESULT = 512 * 1024  # characters
BAD_NOT_BEFORE = (
    "The value of the 'fusebit-task-not-before' header must be EPOCH time no more than 24 hours in the future."
)
UNKEPT = "The response of the task is too large, or nested too deeply, to be kept."
LOST = "The platform was stopped while the task was running."
IDLE = {"availableCount": 0, "delayedCount": 0, "pendingCount": 0}
State = TaskRun.State


class QueueFull(TooManyRequests):
    """More tasks of a route wait than it allows."""

    source = "proxy"  # what answered (contract 6.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked for; `members` are those of ctx, `received_ms` is when."""

    route: Mapping[str, Any]
    members: Mapping[str, Any]
    not_before: str | None
    received_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A task that has to run now."""

    number: int
    task_id: str
    address: Address
    route: str
    members: dict[str, Any]
    scheduled_ms: int
    started_ms: int


def accept(*, address: Address, request: Request) -> dict[str, Any]:
    """Keep a task until it is due, and return what the caller is told; raise BadRequest or TooManyRequests."""
    due_s = _not_before(request.not_before, request.received_ms)
    task = request.route["task"]
    function = require(address)
    run = TaskRun(
        id=f"tsk-{secrets.token_hex(8)}",
        function=function,
        route=request.route["path"],
        request=json.dumps(request.members, separators=(",", ":")),
        scheduled_ms=request.received_ms,
        due_ms=due_s * 1000 if due_s else request.received_ms,
        is_delayed=due_s is not None,
    )
    with transactions.unnoticed():
        pending = TaskRun.objects.filter(function=function, state=State.PENDING)
        limit = task.get("maxPending", 0)
        if pending.count() >= MOST_PENDING or (limit and pending.filter(route=run.route).count() > limit):
            raise QueueFull
        run.save(force_insert=True)
    return _as_json(run, address)


def _not_before(text: str | None, received_ms: int) -> int | None:
    """Return the second before which the task must not run, or None when it may run at once."""
    if text is None:
        return None
    try:
        wanted = int(float(text))
    except (ValueError, OverflowError):
        raise BadRequest(BAD_NOT_BEFORE) from None
    if wanted * 1000 > received_ms + DAY_S * 1000:
        raise BadRequest(BAD_NOT_BEFORE)
    return wanted if wanted * 1000 >= received_ms + 1000 else None


def get(*, address: Address, task_id: str) -> dict[str, Any]:
    """Return how far a task got; raise NotFound, also a day after it ended."""
    oldest = moments.now_ms() - DAY_S * 1000
    found = TaskRun.objects.filter(function=require(address), id=task_id).exclude(ended_ms__lt=oldest).first()
    if found is None:
        raise NotFound
    return _as_json(found, address)


def _as_json(run: TaskRun, address: Address) -> dict[str, Any]:
    reached = {State.PENDING: run.scheduled_ms, State.RUNNING: run.started_ms}
    if run.ended_ms is not None:
        reached[State(run.state)] = run.ended_ms
    path = "/".join(
        (
            f"/v1/account/{address.account_id}/subscription/{address.subscription_id}",
            f"boundary/{address.boundary_id}/function/{address.function_id}/task/{run.id}",
        )
    )
    return {
        **address.ids(),
        "taskId": run.id,
        "status": str(run.state),
        "transitions": {str(state): _iso(moment) for state, moment in reached.items() if moment is not None},
        **({"notBefore": _iso(run.due_ms)} if run.is_delayed else {}),
        "location": f"{address.base_url}{path}",
        **(json.loads(run.result) if run.result else {}),
    }


def routes(*, address: Address) -> dict[str, Any]:
    """Return the routes that are tasks, each with its queue."""
    function = require(address)
    waiting = _waiting(function)
    found = [route for route in json.loads(function.specification)["routes"] if "task" in route]
    return {
        "routes": [{**route, "task": {**route["task"], "stats": waiting.get(route["path"], IDLE)}} for route in found]
    }


def _waiting(function: Function) -> dict[str, dict[str, int]]:
    """Return by route how many tasks wait: for a free place, for their time, and both together."""
    now = moments.now_ms()
    rows = (
        TaskRun.objects.filter(function=function, state=State.PENDING)
        .values_list("route")
        .annotate(available=Count("number", filter=Q(due_ms__lte=now)), everything=Count("number"))
    )
    return {
        route: {"availableCount": ready, "delayedCount": everything - ready, "pendingCount": everything}
        for route, ready, everything in rows
    }


# --- what runs them ---


def claim() -> tuple[list[Claimed], int | None]:
    """Take every task that is due and has a free place; return them and when the next one is due."""
    now = moments.now_ms()
    pending = TaskRun.objects.filter(state=State.PENDING)
    if pending.aggregate(first=Min("due_ms"))["first"] is None:
        return [], None
    due = pending.filter(due_ms__lte=now).order_by().values_list("function_id", "route").distinct()
    claimed = [task for function, route in list(due) for task in _claim_route(function, route, now)]
    following = pending.filter(due_ms__gt=now).aggregate(first=Min("due_ms"))["first"]
    paused = TaskRun.objects.filter(ended_ms__gt=now - PAUSE_MS).aggregate(first=Min("ended_ms"))["first"]
    if paused is not None:
        return claimed, min(paused + PAUSE_MS, following or paused + PAUSE_MS)
    return claimed, following


def _claim_route(function_number: int, route: str, now: int) -> list[Claimed]:
    with transactions.unnoticed():
        # The lock makes nodes count one after the other; SQLite's transactions do so by themselves.
        rows = Function.objects.select_for_update(of=("self",)).select_related("subscription")
        function = rows.filter(pk=function_number).first()
        if function is None:
            return []
        runs = _of_route(function, route)
        limit = _max_running(function, route)
        taken = runs.filter(state=State.RUNNING).count()
        if limit:
            taken += runs.filter(ended_ms__gt=now - PAUSE_MS).count()
        free = (MAX_RUNNING if limit is None else min(limit or MOST_RUNNING, MOST_RUNNING)) - taken
        if free <= 0:
            return []
        found = list(runs.filter(state=State.PENDING, due_ms__lte=now).order_by("due_ms", "number")[:free])
        for run in found:
            run.state = State.RUNNING
            run.started_ms = max(now, run.scheduled_ms + 1)
            run.lease_ms = now + LEASE_MS
        TaskRun.objects.bulk_update(found, ["state", "started_ms", "lease_ms"])
    return [_claimed(function, run) for run in found]


def _max_running(function: Function, path: str) -> int | None:
    """Return how many tasks of a route may run at once, 0 for any number, None when it does not say."""
    routes = {route["path"]: route.get("task", {}) for route in json.loads(function.rendered)["routes"]}
    limit: int | None = routes.get(path, {}).get("maxRunning")
    return limit


def _claimed(function: Function, run: TaskRun) -> Claimed:
    address = Address(account_id=function.subscription.account_id, **key_of(function))
    return Claimed(
        number=run.number,
        task_id=run.id,
        address=address,
        route=run.route,
        members=json.loads(run.request),
        scheduled_ms=run.scheduled_ms,
        started_ms=run.started_ms or run.scheduled_ms + 1,
    )


def finish(number: int, *, output: Mapping[str, Any] | None = None, error: Mapping[str, Any] | None = None) -> None:
    """Record how a running task ended."""
    run = TaskRun.objects.filter(pk=number, state=State.RUNNING).first()
    if run is None:
        return
    result = _kept({"output": output} if error is None else {"error": error})
    if result is None:
        result = json.dumps({"error": {"statusCode": 500, "message": UNKEPT}})
        error = {}
    run.state = State.COMPLETED if error is None else State.ERROR
    run.result = result
    run.ended_ms = max(moments.now_ms(), (run.started_ms or 0) + 1)
    with transactions.unnoticed():
        run.save(update_fields=["state", "result", "ended_ms"])


def _kept(result: Mapping[str, Any]) -> str | None:
    """Return a result as it is kept, None for one that is too large or too deep to be shown."""
    try:
        text = json.dumps(result, ensure_ascii=False)
        text = text.encode(errors="replace").decode()  # half of a character, which JavaScript allows, is none
        to_json([json.loads(text)], inf_nan_mode="null")
    except (ValueError, RecursionError):
        return None
    return text if len(text) <= MAX_RESULT else None


def renew(numbers: Iterable[int]) -> None:
    """Vouch for tasks that are running here, end those nobody vouches for, and forget those of yesterday."""
    now = moments.now_ms()
    lost = json.dumps({"error": {"statusCode": 500, "message": LOST}})
    with transactions.unnoticed():
        TaskRun.objects.filter(pk__in=list(numbers), state=State.RUNNING).update(lease_ms=now + LEASE_MS)
        TaskRun.objects.filter(state=State.RUNNING, lease_ms__lt=now).update(
            state=State.ERROR, ended_ms=now, result=lost
        )
        TaskRun.objects.filter(ended_ms__lt=now - DAY_S * 1000).delete()


def _of_route(function: Function, route: str) -> Any:
    return TaskRun.objects.filter(function=function, route=route)


def _iso(milliseconds: int) -> str:
    return moments.iso(datetime.fromtimestamp(milliseconds / 1000, UTC))
