"""What the Setting up page says, read from the same rows that the worker moves."""

from dataclasses import dataclass

from tenants import selectors
from tenants.models import Deployment, FusebitUser, ProvisioningEvent, Reconciled, State, Tenant

LINES = 12
DONE, ACTIVE, WAITING, FAILED = "done", "active", "waiting", "failed"


@dataclass(frozen=True)
class Step:
    """One line of the page; `state` is done, active, waiting or failed."""

    name: str
    label: str
    state: str
    message: str = ""
    reference_id: str = ""


def steps(tenant: Tenant) -> list[Step]:
    """Return the steps from sign-in to a function that runs."""
    access = FusebitUser.objects.filter(user__memberships__tenant=tenant).order_by("created_at").first()
    function = selectors.first_deployment(tenant)
    settled = access is not None and _state(access, begun=True) == DONE
    return [
        Step("account", "Account", DONE),
        _step("access", "Access", access, begun=True),
        Step("boundary", "Boundary", DONE if settled else WAITING),
        _step("function", "Starter function", function, begun=settled),
    ]


def ledger(tenant: Tenant, *, after: int = 0, limit: int = LINES) -> list[ProvisioningEvent]:
    """Return the newest rows of the ledger after `after`, the oldest first: what operators see, too."""
    rows = tenant.provisioning_events.filter(pk__gt=after).order_by("-pk")[:limit]
    return list(reversed(rows))


def is_complete(tenant: Tenant) -> bool:
    """Tell whether there is nothing left to wait for."""
    return all(step.state == DONE for step in steps(tenant))


def _step(name: str, label: str, row: FusebitUser | Deployment | None, *, begun: bool) -> Step:
    if row is None:
        return Step(name, label, ACTIVE if begun else WAITING)
    return Step(name, label, _state(row, begun=begun), row.last_error, row.reference_id)


def _state(row: Reconciled, *, begun: bool) -> str:
    if row.is_ready or _has_been_ready(row):
        return DONE
    if row.state == State.BLOCKED:
        return FAILED
    return ACTIVE if begun else WAITING


def _has_been_ready(row: Reconciled) -> bool:
    """Tell whether setting up is over for the row: what happens to it later is the editor's to show."""
    if isinstance(row, Deployment):
        return row.live_version_id is not None or row.absent or row.state == State.DELETED
    return row.observed_gen > 0
