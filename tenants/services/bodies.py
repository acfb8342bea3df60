"""What was sent and answered, kept encrypted for a while: for replays, and for looking at a call afterwards."""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from fusebit_bridge import door
from tenants.models import Run, RunBody
from tenants.services import secrets

TEST_PANEL = timedelta(hours=24)
OPTED_IN = timedelta(days=7)
LARGEST = 200_000  # bytes of a body; more is cut, and says so


@dataclass(frozen=True)
class Kept:
    """The request as it can be sent again, and the answer with secrets masked."""

    request: dict[str, Any]
    headers: list[tuple[str, str]]
    body: bytes
    is_cut: bool


def keep(*, run: Run, request: dict[str, Any], headers: list[tuple[str, str]], body: bytes, for_long: bool) -> None:
    """Keep a call's request and answer, encrypted for the tenant, for a day or for a week."""
    content = {
        "request": request,
        "headers": headers,
        "body": base64.b64encode(body[:LARGEST]).decode(),
        "is_cut": len(body) > LARGEST,
    }
    sealed = secrets.vault_of(run.tenant).seal(json.dumps(content), *_context(run))
    expires_at = timezone.now() + (OPTED_IN if for_long else TEST_PANEL)
    RunBody.objects.update_or_create(run=run, defaults={"sealed": sealed, "expires_at": expires_at})


def of(run: Run) -> Kept | None:
    """Return what is kept of the call; None when nothing is, any more."""
    row = RunBody.objects.filter(run=run, expires_at__gt=timezone.now()).first()
    if row is None:
        return None
    try:
        content = json.loads(secrets.vault_of(run.tenant).open(row.sealed, *_context(run)))
    except door.CannotDecrypt:
        return None
    headers = [(str(name), str(value)) for name, value in content["headers"]]
    return Kept(content["request"], headers, base64.b64decode(content["body"]), content["is_cut"])


def purge() -> int:
    """Delete what has expired; return how many there were."""
    return RunBody.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def _context(run: Run) -> tuple[str, str]:
    return ("run", str(run.pk))
