"""The exchange of a key, guided: what has been done, what comes next, and what stands in the way of it."""

from dataclasses import dataclass

from fusebit_bridge import door
from tenants.models import FusebitUser, State
from tenants.services import audit

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


def attempt(purpose: str, *, undo: bool = False, only_next: bool = False) -> Outcome:
    """Rotate or undo, and turn what Fusebit says against it into a sentence."""
    try:
        return Outcome((take_back(purpose),) if undo else tuple(rotate(purpose, only_next=only_next)))
    except door.FusebitError as error:
        reference = f" (request {error.reference_id})" if error.reference_id else ""
        return Outcome((), f"{error.message}{reference}")


def rotate(purpose: str, *, only_next: bool = False) -> list[Progress]:
    """Go as far as may be gone now (or one step), and return what was done."""
    made = door.begin_rotation(purpose)
    told: list[Progress] = [_told(made)]
    while not told[-1].ended:
        try:
            made = door.advance_rotation(made, _somebody())
        except door.RotationMayNot as refused:
            told.append(Progress(refused.message, commands=tuple(getattr(refused, "commands", ())), waits=True))
            break
        told.append(_told(made))
        audit.record(action="key.rotation", tenant=None, actor=None, target=purpose, step=str(made.step))
        if only_next:
            break
    return told


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
