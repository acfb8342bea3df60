"""Makes the wanted version of a function the one that answers: claim, ask Fusebit, record under the fence."""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Deployment, FunctionVersion, FusebitUser, Release, Role, State, Tenant
from tenants.services import build_log, causes, origins, reconciliation, secrets
from tenants.services.reconciliation import Claim

BUILD_PATIENCE_S = 20.0
BUILD_POLL_S = 0.5
SETTLED_POLL_S = 0.1


Report = Callable[[door.FusebitError | None], None]


def advance(*, row: Deployment, report: Report = lambda _error: None) -> Deployment:
    """Take the deployment one step towards what is wanted; return the row as it is afterwards."""
    claimed = reconciliation.claim(row)
    if claimed is None:
        row.refresh_from_db()
        return row
    row, held = claimed
    with reconciliation.given_back(row, held), door.witnessed() as exchanges:
        try:
            columns, outcome = _converge(row, held)
        except door.FusebitError as error:
            report(error if causes.of(error).is_remote else None)
            columns = _trouble(row, held, error)
            outcome = "needs a person" if columns["state"] == State.BLOCKED else "will be tried again"
            _record(row, held, columns, outcome, exchanges, error)
        else:
            report(None)
            _record(row, held, columns, outcome, exchanges)
    row.refresh_from_db()
    return row


def _converge(row: Deployment, held: Claim) -> tuple[dict[str, Any], str]:
    if row.absent:
        return _remove(row, held), "removed"
    if row.function.tenant.suspended_at is not None:
        return reconciliation.settled(held, state=State.SUSPENDED, observed_gen=row.observed_gen), "suspended"
    return _publish(row, held), f"live v{row.version.number}"


def settled(*, row: Deployment, patience_s: float = BUILD_PATIENCE_S) -> Deployment:
    """Return the row when it is live or has failed, or as it stands when patience ends.

    Another process may be at work on it: then this one waits, and asks nothing of Fusebit.
    """
    deadline = time.monotonic() + patience_s
    while not row.is_ready and not row.last_error and time.monotonic() < deadline:
        time.sleep(SETTLED_POLL_S)
        row.refresh_from_db()
    return row


def session_for(
    function_tenant_id: Any, boundary_id: str, person: User | None, *, to_change: bool = True
) -> door.TenantSession:
    """Return a session signed as `person`, so that Fusebit's own grants for their role limit it.

    To change something, an owner signs in place of somebody who has left or whose access is not there yet: what they
    asked for was recorded while they might. To read and call, nobody stands in for anybody.
    """
    roles = [Role.OWNER, Role.DEVELOPER] if to_change else list(Role)
    signer = _members(function_tenant_id, roles).filter(user=person).first() if person else None
    if signer is None and to_change:
        signer = _members(function_tenant_id, [Role.OWNER]).first()
    if signer is None:
        raise causes.Trouble("access_pending")
    return door.tenant(signer.subject, boundary_id, signer.issuer_id, signer.desired_gen)


def session_to_remove(tenant: Tenant, person: User | None = None) -> door.TenantSession:
    """Return a session that can remove something of the tenant; one that ended has no members left to sign."""
    if tenant.ended_at is not None:
        return door.abandoned(tenant.boundary_id)
    return session_for(tenant.pk, tenant.boundary_id, person)


def _members(tenant_id: Any, roles: list[Role]) -> QuerySet[FusebitUser]:
    """Return the users at Fusebit of the tenant's members in these roles."""
    rows: QuerySet[FusebitUser] = FusebitUser.objects.filter(
        user__memberships__tenant_id=tenant_id, user__memberships__role__in=roles
    )
    return rows.exclude(remote_user_id="").order_by("created_at", "pk")


def specification(version: FunctionVersion) -> dict[str, Any]:
    """Return the version as the body of PUT function (contract 5.1), guarded where it has a CORS list."""
    body: dict[str, Any] = {"nodejs": {"files": origins.guarded(version.files, version.configuration)}}
    if environment := secrets.environment(version):
        body["configuration"] = environment
    for name in ("compute", "schedule", "security", "routes"):
        if value := getattr(version, name):
            body[name] = value
    return body


def _publish(row: Deployment, held: Claim) -> dict[str, Any]:
    function = row.function
    progress = build_log.Progress(row, held.fence)
    session = session_for(function.tenant_id, function.tenant.boundary_id, row.requested_by)
    progress.sending(row.version)
    publication = session.put_function(function.name, specification(row.version))
    deadline = time.monotonic() + BUILD_PATIENCE_S
    while publication.status == "building":
        progress.building(publication.build_id)
        if time.monotonic() > deadline:
            raise door.Unreachable("The build takes longer than usual.")
        time.sleep(BUILD_POLL_S)
        publication = session.build(function.name, publication.build_id)
    location = session.location(function.name)
    progress.live(row.version)
    return reconciliation.settled(
        held,
        live_version=row.version,
        build_id=publication.build_id or "",
        remote_version=publication.version or row.remote_version,
        location=location,
    )


def _remove(row: Deployment, held: Claim) -> dict[str, Any]:
    function = row.function
    session = session_to_remove(function.tenant, row.requested_by)
    with contextlib.suppress(door.Missing):  # what is wanted is already so
        session.delete_function(function.name)
    return reconciliation.settled(held, state=State.DELETED, live_version=None, location="")


def _trouble(row: Deployment, held: Claim, error: door.FusebitError) -> dict[str, Any]:
    columns = reconciliation.troubled(row, held, error)
    if not row.absent:
        build_log.Progress(row, held.fence).failed(error.message)
    if error.code == "access_pending" and row.state != State.DELETING:  # nothing is wrong: the user's row is worked on
        columns |= {"state": State.PENDING, "next_attempt_at": timezone.now() + reconciliation.retry_delay(0)}
    return columns


def _record(
    row: Deployment,
    held: Claim,
    columns: dict[str, Any],
    outcome: str,
    exchanges: Iterable[door.Exchange],
    error: door.FusebitError | None = None,
) -> None:
    with transaction.atomic():
        if not reconciliation.record(row, held, **columns):
            return
        if columns["state"] == State.DELETED:
            row.function.deleted_at = timezone.now()
            row.function.save(update_fields=["deleted_at"])
        if columns["state"] == State.READY:
            Release.objects.create(function=row.function, version=row.version, remote_version=columns["remote_version"])
        reconciliation.note(
            tenant=row.function.tenant,
            step="function",
            subject=row.function.name,
            attempt=held.attempt,
            state=columns["state"],
            outcome=outcome,
            error=error,
            exchanges=exchanges,
        )
