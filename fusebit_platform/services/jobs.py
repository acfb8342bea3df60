"""What has to run without anybody calling: tasks and schedules, as the gateway's background work takes them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fusebit_platform.runtime.builds import Answer
from fusebit_platform.services import executions, schedules, tasks
from fusebit_platform.services.executions import Executable
from fusebit_platform.services.functions import Address
from fusebit_platform.services.tasks import Claimed

PROVIDER_FAILURE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One run nobody waits for; `members` are those of ctx that depend on it."""

    kind: str  # "cron" or "task"
    address: Address
    members: Mapping[str, Any]
    headers: Mapping[str, str]
    task: int | None = None  # the number of its row

    @property
    def key(self) -> tuple[str, str, str]:
        """Name the function."""
        return (self.address.subscription_id, self.address.boundary_id, self.address.function_id)


def claim() -> tuple[list[Job], int | None]:
    """Take what is due; return it and when, in milliseconds since the epoch, something is due next."""
    occasions, next_occasion = schedules.claim()
    claimed, next_task = tasks.claim()
    moments = [moment for moment in (next_occasion, next_task) if moment is not None]
    return [*map(_scheduled, occasions), *map(_asked_for, claimed)], min(moments, default=None)


def _scheduled(occasion: schedules.Occasion) -> Job:
    place = occasion.address
    members = {
        "method": "CRON",
        "url": f"/run/{place.subscription_id}/{place.boundary_id}/{place.function_id}",
        "query": {},
        "body": occasion.job,
    }
    return Job(kind="cron", address=place, members=members, headers={})


def _asked_for(claimed: Claimed) -> Job:
    members = dict(claimed.members)
    headers = members.pop("headers") | {
        "fusebit-task-id": claimed.task_id,
        "fusebit-task-route": claimed.route,
        "fusebit-task-scheduled-at": str(claimed.scheduled_ms),
        "fusebit-task-executing-at": str(claimed.started_ms),
    }
    members["method"] = "TASK"
    return Job(kind="task", address=claimed.address, members=members, headers=headers, task=claimed.number)


def access_token(executable: Executable, job: Job) -> str | None:
    """Return the token a job runs with: a task's permissions are those of its route (contract 6.6, 6.7)."""
    permissions = executable.function_permissions
    if job.kind == "task":
        route = next((r for r in executable.routes if r["path"] == job.headers["fusebit-task-route"]), {})
        permissions = route.get("security", {}).get("functionPermissions")
    return executions.background_token(executable, permissions, job.kind)


def finish(job: Job, answer: Answer) -> None:
    """Record what came of a job; nobody asks for the result of a scheduled one."""
    if job.task is None:
        return
    if answer.source != "function":
        tasks.finish(job.task, error={"statusCode": PROVIDER_FAILURE, "message": _message(answer)})
        return
    response = _json(answer.body)
    if answer.cause:  # an error of the handler, as its caller would have seen it
        response = {"status": answer.status, "body": response}
    meta = {"source": answer.source, "metrics": {"cpuMs": answer.cpu_ms}, "log": None, "error": answer.message or None}
    tasks.finish(job.task, output={"response": response, "meta": meta})


def refuse(job: Job, message: str) -> None:
    """Record that a job could not run."""
    if job.task is not None:
        tasks.finish(job.task, error={"statusCode": PROVIDER_FAILURE, "message": message})


def renew(jobs: Iterable[Job]) -> None:
    """Vouch for the jobs that are running here."""
    tasks.renew([job.task for job in jobs if job.task is not None])


def _message(answer: Answer) -> str:
    body = _json(answer.body)
    properties = body.get("properties")
    lines = properties.get("trace") if isinstance(properties, dict) else None
    if isinstance(lines, list) and lines:
        return "\n".join(map(str, lines))
    return str(body.get("message") or answer.message or "Internal error")


def _json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a worker's answer, which may be hostile."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
