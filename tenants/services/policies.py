"""Tells Fusebit what holds for a tenant's whole boundary: whether runs are refused. Not every Fusebit can be told."""

from collections.abc import Callable

from django.db import transaction

from fusebit_bridge import door
from tenants.models import BoundaryPolicy, State
from tenants.services import causes, reconciliation

Report = Callable[[door.FusebitError | None], None]


def advance(*, row: BoundaryPolicy, report: Report = lambda _error: None) -> BoundaryPolicy:
    """Take the row one step towards what should be; return it as it is afterwards."""
    claimed = reconciliation.claim(row)
    if claimed is None:
        return row
    row, held = claimed
    failure: door.FusebitError | None = None
    with reconciliation.given_back(row, held), door.witnessed() as exchanges:
        try:
            told = door.set_suspended(row.tenant.boundary_id, suspended=row.suspended)
        except door.FusebitError as error:
            failure = error
            columns = reconciliation.troubled(row, held, error)
            outcome = "needs a person" if columns["state"] == State.BLOCKED else "will be tried again"
        else:
            columns = reconciliation.settled(held, is_told=told)
            outcome = ("suspended" if row.suspended else "resumed") if told else "this Fusebit has no policies"
        report(failure if failure and causes.of(failure).is_remote else None)
        with transaction.atomic():
            if reconciliation.record(row, held, **columns):
                reconciliation.note(
                    tenant=row.tenant, step="policy", subject=row.tenant.boundary_id, attempt=held.attempt,
                    state=columns["state"], outcome=outcome, error=failure, exchanges=exchanges,
                )  # fmt: skip
    row.refresh_from_db()
    return row
