"""Copies of versions that replays deploy beside their function: written down first, so that none stays at Fusebit."""

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Copy, Function, FunctionVersion
from tenants.services import deployments, reconciliation

BUILD_PATIENCE_S = 30.0
# A replay ends within two minutes, unless its last call takes the fifteen that a function may.
LEFT_OVER_AFTER = timedelta(minutes=20)
AGAIN_AFTER = timedelta(minutes=5)
AT_ONCE = 10

log = logging.getLogger(__name__)


@contextlib.contextmanager
def deployed(*, function: Function, version: FunctionVersion, session: door.TenantSession) -> Iterator[tuple[str, str]]:
    """Yield name and location of a copy of `version`, closed and without its schedule, and remove it afterwards.

    Raise FusebitError when it cannot be set up. What is not removed here, `sweep` removes.
    """
    name = f"replay-v{version.number}-{secrets.token_hex(4)}-{function.name}"[:64].rstrip("-")
    row = Copy.objects.create(
        tenant=function.tenant, name=name, version=str(version), left_over_at=timezone.now() + LEFT_OVER_AFTER
    )
    try:
        yield name, _deploy(session, name, version)
    finally:
        with contextlib.suppress(door.FusebitError):
            _remove(row, session)


def sweep() -> int:
    """Remove the copies that were left over when a process of the site ended, or Fusebit was away; return how many."""
    removed = 0
    for row in Copy.objects.filter(left_over_at__lt=timezone.now()).select_related("tenant")[:AT_ONCE]:
        try:
            _remove(row, deployments.session_to_remove(row.tenant))
        except door.FusebitError as error:
            log.info("The copy %s could not be removed: %s", row.name, error.message)
            Copy.objects.filter(pk=row.pk).update(left_over_at=timezone.now() + AGAIN_AFTER)
        else:
            removed += 1
            with transaction.atomic():
                reconciliation.note(
                    tenant=row.tenant, step="function", subject=row.name, attempt=1, outcome="left-over copy removed"
                )
    return removed


def _deploy(session: door.TenantSession, name: str, version: FunctionVersion) -> str:
    specification = deployments.specification(version)
    specification.pop("schedule", None)  # nothing may run by itself under a name that goes away
    publication = session.put_function(name, specification)
    deadline = time.monotonic() + BUILD_PATIENCE_S
    while publication.status == "building":
        if time.monotonic() > deadline:
            raise door.Unreachable("The build takes longer than usual.")
        time.sleep(deployments.BUILD_POLL_S)
        publication = session.build(name, publication.build_id)
    return session.location(name)


def _remove(row: Copy, session: door.TenantSession) -> None:
    with contextlib.suppress(door.Missing):  # what is wanted is already so
        session.delete_function(row.name)
    row.delete()
