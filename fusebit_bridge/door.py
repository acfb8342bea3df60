"""The public door: everything that the rest of the project may ask of the bridge.

With the client key, in the worker only: `provisioner`, `ensure_tenant_issuer`, `abandoned`. With the tenants' key, in
site and worker: `tenant`; under the tenants' encryption keys: `vault`. Everything raises FusebitError and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fusebit_bridge import connection, issuers, rotation
from fusebit_bridge.client import Limits
from fusebit_bridge.encryption import CannotDecrypt
from fusebit_bridge.errors import (
    BuildFailed,
    Busy,
    Conflict,
    Failed,
    FusebitError,
    GrantRefused,
    InvalidName,
    Missing,
    NotConfigured,
    Refused,
    Rejected,
    UnexpectedAnswer,
    Unreachable,
    Untrusted,
)
from fusebit_bridge.events import Event, EventStream
from fusebit_bridge.extensions import Extensions, set_suspended
from fusebit_bridge.extensions import ask as extensions
from fusebit_bridge.inspection import ClientStanding, IssuerStanding, client_standing, issuer_standing
from fusebit_bridge.inspection import where as fusebit_origin
from fusebit_bridge.models import Purpose, Rotation
from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Action, Block, Create, Desired, Heal, Observation, Remove, Replace, Seen, plan
from fusebit_bridge.provisioner import Names, Provisioner
from fusebit_bridge.rotation import MayNot as RotationMayNot
from fusebit_bridge.tenant_session import Answer, Publication, TenantSession
from fusebit_bridge.users import Identity, RemoteUser
from fusebit_bridge.vault import Vault, shred
from fusebit_bridge.vault import of as vault
from fusebit_bridge.witness import Exchange, witnessed

__all__ = [
    "Action",
    "Answer",
    "Block",
    "BuildFailed",
    "Busy",
    "CannotDecrypt",
    "ClientStanding",
    "Conflict",
    "Create",
    "Desired",
    "Event",
    "EventStream",
    "Exchange",
    "Extensions",
    "Failed",
    "FusebitError",
    "GrantRefused",
    "Heal",
    "Identity",
    "InvalidName",
    "IssuerStanding",
    "KeyFacts",
    "Missing",
    "Names",
    "NotConfigured",
    "Observation",
    "Provisioner",
    "Publication",
    "Refused",
    "Rejected",
    "RemoteUser",
    "Remove",
    "Replace",
    "Rotation",
    "RotationMayNot",
    "Seen",
    "Statement",
    "TenantSession",
    "UnexpectedAnswer",
    "Unreachable",
    "Untrusted",
    "Vault",
    "abandoned",
    "advance_rotation",
    "begin_rotation",
    "boundary_access",
    "call_token",
    "client_standing",
    "clock_skew",
    "current_rotation",
    "ensure_tenant_issuer",
    "extensions",
    "function_access",
    "fusebit_origin",
    "imported_at",
    "is_reachable",
    "issuer_ids",
    "issuer_standing",
    "keep_pace",
    "keys_in_use",
    "plan",
    "provisioner",
    "rotation_wait",
    "set_suspended",
    "shred",
    "tenant",
    "tenant_issuer_id",
    "undo_rotation",
    "vault",
    "witnessed",
]


def tenant_issuer_id() -> str:
    """Return the issuer under which people's identities are made.

    Raise NotConfigured before `import_client`, and a retriable one until Fusebit has been asked whether it may be
    ours (see `ensure_tenant_issuer`).
    """
    return connection.issuer().issuer_id


def issuer_ids() -> frozenset[str]:
    """Return every issuer under which we have ever made identities."""
    return connection.issuer_ids()


def boundary_access(boundary_ids: Iterable[str], action: str = "function:*") -> frozenset[Statement]:
    """Return the statements that grant `action` in exactly these boundaries (contract 3.1)."""
    subscription = connection.subscription_of(connection.imported())
    return frozenset(Statement(action, subscription.boundary(boundary_id).resource) for boundary_id in boundary_ids)


def function_access(boundary_id: str, name: str, action: str = "function:execute") -> frozenset[Statement]:
    """Return the statement that grants `action` on exactly this function (contract 3.1)."""
    function = connection.subscription_of(connection.imported()).boundary(boundary_id).function(name)
    return frozenset({Statement(action, function.resource)})


def call_token(subject: str, boundary_id: str, name: str, *, expires_at: datetime, issuer_id: str = "") -> str:
    """Return a token with which anybody may call exactly this function until then, as the user with `subject`."""
    return connection.call_token(subject, boundary_id, name, expires_at, issuer_id)


def provisioner() -> Provisioner:
    """Return what creates and changes users; raise NotConfigured in a process without the client's ring."""
    return connection.provisioner_of(connection.imported())


def ensure_tenant_issuer() -> bool:
    """Make our issuer known at Fusebit and use it; False when the client may not, and its own issuer is used.

    Safe to call again at any time; costs two or three requests.
    """
    return issuers.ensure_registered()


def tenant(subject: str, boundary_id: str, issuer_id: str = "", generation: int = 0) -> TenantSession:
    """Return a session that acts as the person in one boundary, each call narrowed to what it needs.

    `issuer_id` is the issuer of the person's identity where that is remembered; by default the one in use now.
    `generation` counts the changes of the person's permissions: no token that is kept outlives one.
    """
    return connection.tenant_session(subject, boundary_id, issuer_id, generation)


def abandoned(boundary_id: str) -> TenantSession:
    """Return a session that signs as the client, in the worker only: to clear a boundary that has no members."""
    return connection.client_session(boundary_id)


def keep_pace(rate: float) -> None:
    """Let this process send at most `rate` requests in a second."""
    connection.keep_pace(rate)


def clock_skew() -> float:
    """Return Fusebit's clock minus ours in seconds, as this process last saw it; 0 while unknown or small."""
    try:
        return connection.requestor(connection.imported().base_url).skew_s
    except NotConfigured:
        return 0.0


def imported_at() -> datetime | None:
    """Return when a client was last imported, None before that."""
    try:
        return connection.imported().imported_at
    except NotConfigured:
        return None


@dataclass(frozen=True)
class KeyFacts:
    """What may be known about a key that signs now."""

    purpose: str
    key_id: str
    created_at: datetime
    last_used_at: datetime | None


def keys_in_use() -> list[KeyFacts]:
    """Return the facts of the client's key and of the tenant issuer's; nothing before an import."""
    return [
        KeyFacts(str(row.purpose), row.key_id, row.created_at, row.last_used_at) for row in connection.keys_in_use()
    ]


def is_reachable() -> bool:
    """Tell whether Fusebit answers its health check within three seconds (contract 1.8); False before an import."""
    try:
        base_url = connection.imported().base_url
        health = connection.requestor(base_url).send(
            "GET", f"{base_url}/v1/health", headers=(), limits=Limits(seconds=3)
        )
    except FusebitError:
        return False
    return health.status == 200


def current_rotation(purpose: str) -> Rotation | None:
    """Return the exchange of the `client`'s or the `tenant`s' key that is under way."""
    return rotation.current(Purpose(purpose))


def begin_rotation(purpose: str) -> Rotation:
    """Make a new key, or find the exchange that is under way."""
    return rotation.begin(Purpose(purpose))


def advance_rotation(found: Rotation, subject: str = "", *, at_once: bool = False) -> Rotation:
    """Take the next step of an exchange; raise RotationMayNot. `subject` is somebody to try a tenants' key as.

    `at_once` retires the old key without waiting: whatever it signed is refused from then on.
    """
    return rotation.advance(found, subject=subject, at_once=at_once)


def rotation_wait() -> timedelta:
    """Return for how long something that a key signed may be under way after its last use."""
    return rotation.AFTER_SWITCH


def undo_rotation(found: Rotation) -> Rotation:
    """Take the last step of an exchange back."""
    return rotation.undo(found)
