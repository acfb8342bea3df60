"""Takes one person's user at Fusebit one step: claim, observe, at most one write, verify, record under the fence."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import FusebitUser, Membership, Role, State, Tenant
from tenants.services import access, audit, causes, functions, identities, provisioning, reconciliation, starters
from tenants.services.reconciliation import Claim

SKEW_LIMIT_S = 60.0
ABSENT_FOR = timedelta(seconds=60)  # a user is gone when it was seen to be gone twice, so far apart

Report = Callable[[door.FusebitError | None], None]


class Overtaken(Exception):
    """Somebody else has taken the row meanwhile; whatever was found is theirs to find."""


def advance(*, row: FusebitUser, report: Report = lambda _error: None) -> FusebitUser:
    """Take the row one step towards what should be; return it as it is afterwards. `report` is told how it went."""
    claimed = reconciliation.claim(row)
    if claimed is None:
        return row
    row, held = claimed
    with reconciliation.given_back(row, held), door.witnessed() as exchanges:
        try:
            seen, outcome = _converge(row, held)
        except door.FusebitError as error:
            report(error)
            _record_trouble(row, held, error, exchanges)
        except Overtaken:
            return row
        else:
            report(None)
            _record(row, held, seen, outcome, exchanges)
    row.refresh_from_db()
    return row


def wanted(row: FusebitUser) -> door.Desired:
    """Return what should be true of the row's person at Fusebit; may ask Fusebit about our issuer, the first time."""
    issuer_id = row.issuer_id or _registered_issuer_id()
    return door.Desired(
        identities=identities.of(row, issuer_id),
        access=frozenset() if row.absent else access.desired_of(row),
        absent=row.absent,
        known_id=row.remote_user_id,
        asked=access.from_json(row.asked),
    )


def _converge(row: FusebitUser, held: Claim) -> tuple[door.Observation, str]:
    """Return what there is at Fusebit once it is as it should be, and what was done for it; else raise."""
    provisioner = door.provisioner()
    desired = wanted(row)
    try:
        return _step(row, held, provisioner, desired)
    except door.Refused as error:
        raise _explained(error, provisioner, desired) from None


def _step(
    row: FusebitUser, held: Claim, provisioner: door.Provisioner, desired: door.Desired
) -> tuple[door.Observation, str]:
    seen = _look(row, held, provisioner, desired)
    conflict: door.Conflict | None = None
    actions = door.plan(desired, seen)
    if not actions:
        return seen, _found(row, seen)
    action = actions[0]
    if isinstance(action, door.Block):
        raise causes.Trouble(action.code, detail=action.detail)
    _remember(row, held, desired, seen, action)
    try:
        provisioner.perform(action, access.names_of(row))
    except door.Conflict as error:  # somebody was faster, or a client has it: the next look tells
        conflict = error
    if isinstance(action, door.Heal):
        raise causes.Trouble("zombie", detail=f"{action.user_id} was deleted once more")
    seen = provisioner.observe(desired.identities[0], row.remote_user_id)
    for left in door.plan(desired, seen):
        if isinstance(left, door.Block):
            raise causes.Trouble(left.code, detail=left.detail)
        raise conflict or causes.Trouble("not_kept", detail=f"after {type(action).__name__}: {seen.seen.value}")
    return seen, f"{_verb(action)} {seen.user.id if seen.user else row.remote_user_id}"


def _look(row: FusebitUser, held: Claim, provisioner: door.Provisioner, desired: door.Desired) -> door.Observation:
    """Search for the person's user; the very first time there can be none of ours, and a conflict would tell."""
    if held.fence == 1 and not row.asked and not row.remote_user_id and not desired.absent:
        return door.Observation(door.Seen.ABSENT)
    return provisioner.observe(desired.identities[0], row.remote_user_id)


def _found(row: FusebitUser, seen: door.Observation) -> str:
    if seen.user is None:
        return "verified absent"
    return f"verified {seen.user.id}" if seen.user.id == row.remote_user_id else f"adopted {seen.user.id}"


def _verb(action: door.Action) -> str:
    return {door.Create: "created", door.Replace: "repaired", door.Remove: "removed"}.get(type(action), "healed")


def _remember(
    row: FusebitUser, held: Claim, desired: door.Desired, seen: door.Observation, action: door.Action
) -> None:
    """Write down, before the write at Fusebit, what it may leave behind there and what was found; raise Overtaken."""
    asked = desired.asked
    if isinstance(action, door.Create | door.Replace) and action.access is not None:
        asked |= action.access
    columns: dict[str, Any] = {"asked": access.as_json(asked), "issuer_id": desired.identities[0].issuer_id}
    with transaction.atomic():
        if seen.user is not None:
            columns["observed"] = _as_observed(seen.user)
            _raise_alarm(row, desired, seen.user)
        if not reconciliation.is_held(row, held, **columns):
            raise Overtaken


def _raise_alarm(row: FusebitUser, desired: door.Desired, user: door.RemoteUser) -> None:
    """Record that somebody gave our user more than we ever did; narrowing is drift like any other."""
    if user.id != row.remote_user_id or not row.observed:
        return
    known = desired.access | desired.asked | access.from_json(row.observed.get("access", []))
    broader = user.access - known
    before = [*row.observed.get("identities", []), *(identity.as_json() for identity in desired.identities)]
    strangers = [identity.as_json() for identity in user.identities if identity.as_json() not in before]
    for action, detail in (("access_broadened", access.as_json(broader)), ("identity_added", strangers)):
        if detail:
            audit.record(
                action=f"security.{action}", tenant=next(iter(access.tenants_of(row)), None), actor=None,
                target=row.subject, found=detail, fusebit_user=user.id,
            )  # fmt: skip


def _as_observed(user: door.RemoteUser) -> dict[str, Any]:
    return {
        "identities": [identity.as_json() for identity in user.identities],
        "access": access.as_json(user.access),
    }


def _explained(error: door.Refused, provisioner: door.Provisioner, desired: door.Desired) -> door.FusebitError:
    """Return why Fusebit refused: the clock, the client as such, or a permission that it lacks, by name."""
    skew = door.clock_skew()
    if abs(skew) > SKEW_LIMIT_S:
        return causes.Trouble(
            "clock", detail=f"Fusebit's clock minus ours: {skew:.0f} s", reference_id=error.reference_id
        )
    try:
        agent = provisioner.me()
    except door.Refused as refused:
        return causes.Trouble("credentials", detail=refused.detail, reference_id=refused.reference_id)
    lacking = agent.lacks(provisioner.needs(desired.access))
    if lacking:
        named = "; ".join(f"{statement.action} on {statement.resource}" for statement in lacking)
        return causes.Trouble("grants", detail=f"{agent.id} lacks {named}", reference_id=error.reference_id)
    return error


def _registered_issuer_id() -> str:
    """Return the issuer of our identities, registered now when Fusebit was away at the import."""
    try:
        return door.tenant_issuer_id()
    except door.NotConfigured as error:
        if not error.retriable:
            raise
        door.ensure_tenant_issuer()
        return door.tenant_issuer_id()


def _record(
    row: FusebitUser, held: Claim, seen: door.Observation, outcome: str, exchanges: Iterable[door.Exchange]
) -> None:
    columns = _columns(row, held, seen)
    tenants = access.tenants_of(row)
    with transaction.atomic():
        if not reconciliation.record(row, held, **columns):
            return
        _note(row, held, outcome, columns["state"], exchanges=exchanges)
        if columns["state"] == State.READY and row.user is not None:
            for tenant in tenants:
                _note_boundary(tenant, held)
                _plant_starter(tenant, row.user)


def _columns(row: FusebitUser, held: Claim, seen: door.Observation) -> dict[str, Any]:
    if row.absent:
        return _gone(row, held)
    user = seen.user
    if user is None:  # the plan leaves nobody absent who should be there
        raise causes.Trouble("not_kept", detail="the user is not there")
    return reconciliation.settled(
        held,
        state=State.SUSPENDED if not user.access and _is_suspended(row) else State.READY,
        remote_user_id=user.id,
        observed=_as_observed(user),
        asked=[],
    )


def _is_suspended(row: FusebitUser) -> bool:
    """Tell whether somebody has taken the access away, rather than that there is no membership."""
    closed = row.user is not None and not row.user.is_active
    return closed or any(tenant.suspended_at for tenant in access.tenants_of(row))


def _gone(row: FusebitUser, held: Claim) -> dict[str, Any]:
    """Return the columns of a tombstone: deleted, unless a user that we asked for may still come into being late."""
    now = timezone.now()
    since = row.absent_since or now
    columns = reconciliation.settled(held, state=State.DELETING, absent_since=since)
    if not row.asked or now - since >= ABSENT_FOR:
        return {**columns, "state": State.DELETED, "remote_user_id": ""}
    return {**columns, "next_attempt_at": since + ABSENT_FOR}


def _plant_starter(tenant: Tenant, user: Any) -> None:
    """Give an owner's new tenant its first function, once: a deployment like any other."""
    owns = Membership.objects.filter(tenant=tenant, user=user, role=Role.OWNER).exists()
    if owns and not tenant.functions.exists():
        functions.found(tenant=tenant, starter=starters.hello(provisioning.display_name(user)), author=user)


def _record_trouble(
    row: FusebitUser, held: Claim, error: door.FusebitError, exchanges: Iterable[door.Exchange]
) -> None:
    columns = reconciliation.troubled(row, held, error)
    outcome = "needs a person" if columns["state"] == State.BLOCKED else "will be tried again"
    with transaction.atomic():
        if reconciliation.record(row, held, **columns):
            _note(row, held, outcome, columns["state"], error=error, exchanges=exchanges)


def _note(row: FusebitUser, held: Claim, outcome: str, state: str, **more: Any) -> None:
    told: list[Tenant | None] = [*access.tenants_of(row)]
    more |= {"step": "access", "subject": row.subject, "attempt": held.attempt, "outcome": outcome, "state": state}
    for tenant in told or [None]:
        reconciliation.note(tenant=tenant, **more)


def _note_boundary(tenant: Tenant, held: Claim) -> None:
    if not tenant.provisioning_events.filter(step="boundary").exists():
        reconciliation.note(
            tenant=tenant, step="boundary", subject=tenant.boundary_id, attempt=held.attempt, outcome="granted"
        )
