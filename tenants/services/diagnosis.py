"""What is in order and what is not, from key files to the oldest row that waits, in words that say what to do."""

import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import BoundaryPolicy, Deployment, FusebitUser, Reconciled, State
from tenants.services import drift, pulse

OK, WARN, FAIL = "ok", "warn", "FAIL"
LATE = timedelta(minutes=2)
SKEW_NOTICED_S, SKEW_LIMIT_S = 30.0, 60.0
KINDS: tuple[type[Reconciled], ...] = (FusebitUser, Deployment, BoundaryPolicy)


@dataclass(frozen=True)
class Finding:
    """One line: `level` is ok, warn or FAIL; `commands` are what somebody has to type."""

    level: str
    subject: str
    words: str
    commands: tuple[str, ...] = ()


def examine() -> Iterator[Finding]:
    """Yield the findings as they are made; never raises for what it finds."""
    looks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _secret_files, _profile_on_disk, _fusebit, _client, _issuer, _sandbox, _queue, _trouble, _comparison,
    )  # fmt: skip
    for look in looks:
        try:
            yield from look()
        except door.FusebitError as error:
            reference = f" (request {error.reference_id})" if error.reference_id else ""
            yield Finding(FAIL, look.__name__.strip("_").replace("_", " "), f"{error.message}{reference}")


def oldest_due(now: datetime) -> datetime | None:
    """Return since when the row waits that has waited longest, of those that nobody works on."""
    waiting = [model.objects.due(now).aggregate(since=Min("next_attempt_at"))["since"] for model in KINDS]
    return min((since for since in waiting if since is not None), default=None)


def in_trouble() -> list[tuple[str, str, str, int]]:
    """Return kind, state, cause and number of the rows that are not in order."""
    found: list[tuple[str, str, str, int]] = []
    for kind, model in (("users", FusebitUser), ("deployments", Deployment), ("policies", BoundaryPolicy)):
        rows = model.objects.filter(state__in=[State.RETRY, State.BLOCKED])
        counted = rows.order_by().values_list("state", "error_code").annotate(number=Count("pk"))
        found += [(kind, state, cause, number) for state, cause, number in counted]
    return found


def _secret_files() -> Iterable[Finding]:
    for name, path in settings.SECRET_FILES.items():
        yield _file(name, Path(path))


def _file(name: str, path: Path) -> Finding:
    try:
        found = path.stat()
    except OSError as error:
        return Finding(WARN, name, f"{path} cannot be looked at here: {error.strerror}.")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(FAIL, name, f"{path} may be read by others.", (f"chmod 600 {path}",))
    return Finding(OK, name, f"{path} is private.")


def _profile_on_disk() -> Iterable[Finding]:
    path = settings.FUSEBIT_PROFILE_FILE
    if path and Path(path).exists():
        words = f"{path} still holds the client's private key; quickstart keeps it, elsewhere nothing needs it."
        yield Finding(WARN, "profile", words, (f"shred -u {path}",))
        yield _file("profile", Path(path))


def _fusebit() -> Iterable[Finding]:
    place = door.fusebit_origin()
    if not door.is_reachable():
        yield Finding(FAIL, "fusebit", f"{place} does not answer its health check.")
        return
    skew = door.clock_skew()
    level = FAIL if abs(skew) > SKEW_LIMIT_S else WARN if abs(skew) > SKEW_NOTICED_S else OK
    yield Finding(OK, "fusebit", f"{place} answers.")
    yield Finding(level, "clock", f"Fusebit's clock is {skew:+.0f} s from ours.")


def _client() -> Iterable[Finding]:
    standing = door.client_standing()
    if standing.lacks:
        named = "; ".join(f"{statement.action} on {statement.resource}" for statement in standing.lacks)
        yield Finding(FAIL, "client", f"{standing.agent_id} lacks {named}.", tuple(standing.commands()))
    elif standing.could_use:
        named = "; ".join(f"{statement.action} on {statement.resource}" for statement in standing.could_use)
        words = f"{standing.agent_id} may provision; an account admin may also grant {named}."
        yield Finding(WARN, "client", words, tuple(standing.commands()))
    else:
        yield Finding(OK, "client", f"{standing.agent_id} may do everything that is needed.")


def _issuer() -> Iterable[Finding]:
    standing = door.issuer_standing()
    whose = "our own issuer" if standing.is_ours else "the client's issuer, and one key signs for everything"
    told = f"People's identities live under {standing.issuer_id}, {whose}"
    if standing.serves is None:
        yield Finding(WARN, "issuer", f"{told}; the client may not look at it.")
    elif standing.serves:
        yield Finding(OK if standing.is_ours else WARN, "issuer", f"{told}; Fusebit has our key {standing.key_id}.")
    else:
        words = f"{told}; Fusebit does not have our key {standing.key_id}."
        yield Finding(FAIL, "issuer", words, ("manage.py import_client FILE",))


def _sandbox() -> Iterable[Finding]:
    sandbox = door.extensions().sandbox
    if not sandbox:
        yield Finding(OK, "sandbox", "This Fusebit does not report how it isolates functions.")
        return
    missing = [str(name) for name, state in dict(sandbox.get("layers") or {}).items() if state != "active"]
    if sandbox.get("refusing"):
        yield Finding(FAIL, "sandbox", f"Fusebit refuses to run functions: {sandbox['refusing']}")
    elif sandbox.get("weak") or missing:
        yield Finding(WARN, "sandbox", f"Layers that are missing: {', '.join(missing) or 'unknown'}.")
    else:
        yield Finding(OK, "sandbox", "Every layer is active" + (", proven at start." if sandbox.get("proven") else "."))


def _queue() -> Iterable[Finding]:
    living = pulse.living()
    if living:
        waits = {worker.holding_back for worker in living if worker.holding_back}
        held = f"; held back by {', '.join(sorted(waits))}" if waits else ""
        yield Finding(WARN if waits else OK, "worker", f"{len(living)} alive{held}.")
    else:
        yield Finding(FAIL, "worker", "No worker was alive in the last half minute.", ("manage.py worker",))
    now = timezone.now()
    since = oldest_due(now)
    late = since is not None and now - since > LATE
    words = "Nothing waits." if since is None else f"The oldest row that is due waits for {(now - since).seconds} s."
    yield Finding(FAIL if late else OK, "queue", words)


def _trouble() -> Iterable[Finding]:
    for kind, state, cause, number in in_trouble():
        yield Finding(WARN, kind, f"{number} in state {state}, cause {cause}.")


def _comparison() -> Iterable[Finding]:
    last = drift.last()
    if last is None:
        yield Finding(WARN, "comparison", "Fusebit was not compared with our rows so far.")
        return
    level = WARN if last.counts.get("orphan") or last.counts.get("foreign") else OK
    yield Finding(level, "comparison", f"Last at {last.asked_at:%Y-%m-%d %H:%M} UTC: {last.summary}.")
