"""The exchange of a key, guided: what has been done, what comes next, and what stands in the way of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from fusebit_bridge import door
from tenants.models import FusebitUser, Run, State, Tenant
from tenants.services import audit, mirroring

NEXT = {
    "made": "Next: the new key is added to the issuer at Fusebit.",
    "registered": "Next: a call with the new key, which must be accepted.",
    "proven": "Next: the new key signs; the old one stays registered.",
    "switched": "Next: the old key is removed, once nothing that it signed can be under way.",
}


@dataclass(frozen=True)
class Progress:
    """One line on what was done, one on what comes next, and what somebody has to type, if anything."""

    done: str
    following: str = ""
    commands: tuple[str, ...] = ()
    waits: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was done; `failure` when Fusebit did not let it go on."""

    progress: tuple[Progress, ...]
    failure: str = ""


def attempt(purpose: str, *, undo: bool = False, only_next: bool = False, at_once: bool = False) -> Outcome:
    """Rotate or undo, and turn what Fusebit says against it into a sentence."""
    try:
        return Outcome((take_back(purpose),) if undo else tuple(rotate(purpose, only_next=only_next, at_once=at_once)))
    except door.FusebitError as error:
        reference = f" (request {error.reference_id})" if error.reference_id else ""
        return Outcome((), f"{error.message}{reference}")


def rotate(purpose: str, *, only_next: bool = False, at_once: bool = False) -> list[Progress]:
    """Go as far as may be gone now (or one step), and return what was done.

    `at_once` is for a key that somebody else may have: nothing is waited for.
    """
    made = door.begin_rotation(purpose)
    told: list[Progress] = [_told(made)]
    while not told[-1].ended:
        if made.step == "switched":
            seen = calls_by_old(made)
            told.append(Progress(seen.words, waits=seen.goes_on and not at_once))
            if told[-1].waits:
                break
        try:
            made = door.advance_rotation(made, _somebody(), at_once=at_once)
        except door.RotationMayNot as refused:
            told.append(Progress(refused.message, commands=tuple(getattr(refused, "commands", ())), waits=True))
            break
        told.append(_told(made))
        forced: dict[str, Any] = {"at_once": True} if at_once and told[-1].ended else {}
        audit.record(action="key.rotation", tenant=None, actor=None, target=purpose, step=str(made.step), **forced)
        if only_next:
            break
    return told


@dataclass(frozen=True)
class Seen:
    """What is known of calls by the old key after the switch, in words; `goes_on` when one was a moment ago."""

    words: str
    goes_on: bool = False


def calls_by_old(made: door.Rotation) -> Seen:
    """Count the calls by the old key since the switch as Fusebit reports them, by whomever they were made.

    Calls that it refused are not among them: they are no use of the key.
    """
    if made.purpose != "tenant":
        return Seen("Fusebit does not report whose key signed for provisioning: only our own signatures are counted.")
    if not mirroring.reports(mirroring.RUNS):
        return Seen("This Fusebit does not report calls by key: only our own signatures are counted.")
    mirroring.round_of_all()
    calls = Run.objects.filter(
        created_at__gt=made.switched_at, caller__kid=made.old_kid, caller__issuerId=made.new_key.issuer_id
    ).exclude(cause__in=["auth_missing", "auth_denied"])
    last: datetime | None = calls.aggregate(last=Max("created_at"))["last"]
    stale = Q(runs_copied_at=None) | Q(runs_copied_at__lt=made.switched_at)
    behind = Tenant.objects.filter(stale, ended_at=None).count()
    rest = f", {behind} workspaces not asked so far" if behind else ""
    if last is None:
        return Seen(f"Fusebit reports no call by the old key {made.old_kid} since the switch{rest}.")
    number = calls.count()
    counted = "1 call" if number == 1 else f"{number} calls"
    words = f"Fusebit reports {counted} by the old key {made.old_kid} since the switch, the last at"
    return Seen(f"{words} {last:%Y-%m-%d %H:%M:%S} UTC{rest}.", timezone.now() < last + door.rotation_wait())


def take_back(purpose: str) -> Progress:
    """Take the last step back; raise NotConfigured when no exchange is under way."""
    found = door.current_rotation(purpose)
    if found is None:
        raise door.NotConfigured("No exchange of this key is under way.")
    was_switched = found.step == "switched"
    door.undo_rotation(found)
    audit.record(action="key.rotation_undone", tenant=None, actor=None, target=purpose, old=found.old_kid)
    if was_switched:
        return Progress(f"The old key {found.old_kid} signs again; run once more to drop the new one.")
    return Progress(f"The new key is gone; {found.old_kid} signs as before.")


def _told(made: door.Rotation) -> Progress:
    done = f"{made.get_step_display()}: {made.new_key.key_id} in place of {made.old_kid}."
    return Progress(done, NEXT.get(str(made.step), ""), ended=made.ended_at is not None)


def _somebody() -> str:
    """Return a person to try a tenant's key as."""
    row = FusebitUser.objects.filter(state=State.READY, absent=False).order_by("pk").first()
    return row.subject if row else ""
