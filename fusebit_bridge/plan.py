"""What to do about one user at Fusebit, decided from what should be and what was seen, and from nothing else."""

from dataclasses import dataclass
from enum import Enum

from fusebit_bridge.permissions import Statement
from fusebit_bridge.users import Identity, RemoteUser


class Seen(Enum):
    """What a search for one identity came upon."""

    ABSENT = "absent"
    PRESENT = "present"
    ZOMBIE = "zombie"  # an identity whose user is gone (a Fusebit that is not atomic leaves those behind)
    CLIENT = "client"  # the identity of a client
    MANY = "many"


@dataclass(frozen=True)
class Observation:
    """What was seen; `agent_id` names a zombie or a client."""

    seen: Seen
    user: RemoteUser | None = None
    agent_id: str = ""


@dataclass(frozen=True)
class Desired:
    """What should be true of one person at Fusebit.

    The first identity is the one to search by. `known_id` is the user that we know to be ours; `asked` is what we may
    have granted without having seen it kept.
    """

    identities: tuple[Identity, ...]
    access: frozenset[Statement] = frozenset()
    absent: bool = False
    known_id: str = ""
    asked: frozenset[Statement] = frozenset()


@dataclass(frozen=True)
class Create:
    """There is nobody: make a user with identities and access in one call."""

    identities: tuple[Identity, ...]
    access: frozenset[Statement]


@dataclass(frozen=True)
class Replace:
    """The user is ours and differs: write what differs, whole; None stays as it is."""

    user_id: str
    identities: tuple[Identity, ...] | None = None
    access: frozenset[Statement] | None = None


@dataclass(frozen=True)
class Remove:
    """The user is ours and should not be."""

    user_id: str


@dataclass(frozen=True)
class Heal:
    """The identity is held by a user that is gone: deleting that one again sets it free."""

    user_id: str


@dataclass(frozen=True)
class Block:
    """Nothing may be done without a person; `code` is in the catalogue of causes."""

    code: str
    detail: str


Write = Create | Replace | Remove | Heal
Action = Write | Block


def plan(desired: Desired, observation: Observation) -> tuple[Action, ...]:
    """Return what to do next, at most one action; none when all is as it should be."""
    if observation.seen is Seen.PRESENT and observation.user is not None:
        return _about(desired, observation.user)
    if observation.seen is Seen.MANY:
        return (Block("duplicate", "more than one user answers to the identity"),)
    if observation.seen is Seen.ZOMBIE:
        return (Heal(observation.agent_id),)
    if desired.absent:  # nobody, or a client's identity, which is not ours to remove
        return ()
    if observation.seen is Seen.CLIENT:
        return (Block("foreign_owner", f"the identity belongs to the client {observation.agent_id}"),)
    return (Create(desired.identities, desired.access),)


def is_ours(desired: Desired, user: RemoteUser) -> bool:
    """Tell whether the user is the one that we made: known, or with nothing about it that we did not ask for."""
    if user.id == desired.known_id:
        return True
    return set(user.identities) <= set(desired.identities) and user.access <= desired.access | desired.asked


def _about(desired: Desired, user: RemoteUser) -> tuple[Action, ...]:
    ours = is_ours(desired, user)
    if desired.absent:
        return (Remove(user.id),) if ours else ()
    if not ours:
        return (Block("foreign_owner", f"the identity belongs to {user.id}, which has what we did not give it"),)
    identities = None if set(user.identities) == set(desired.identities) else desired.identities
    access = None if user.access == desired.access else desired.access
    return () if identities is None and access is None else (Replace(user.id, identities, access),)
