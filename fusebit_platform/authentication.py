"""Finds out who is calling: bearer tokens, their signatures and the agents behind them (contract 2)."""

import base64
import binascii
import json
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import jwt
from jwt.api_jws import PyJWS

from fusebit_platform import configuration, generation, jwks, keys, resources
from fusebit_platform.authorization import Statement, inline_statements, permits
from fusebit_platform.errors import Unauthorized
from fusebit_platform.models import Identity, Issuer, SystemKey
from fusebit_platform.models.prepared import Prepared

BEARER = re.compile(r" *bearer +(.+)", re.IGNORECASE)
BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
MAX_TOKEN_CHARACTERS = 32_768
ALGORITHMS = keys.RSA_ALGORITHMS | frozenset(keys.CURVE_ALGORITHMS.values())
SYSTEM_AGENT = "system"
MAX_REMEMBERED = 10_000
MAX_REMEMBERED_S = 300.0

ISSUER = Prepared(
    Issuer,
    ["account_id", "issuer_id"],
    lambda **names: Issuer.objects.filter(**names).values_list("json_keys_url", "public_keys"),
)
ACCESS = Prepared(
    Identity,
    ["account_id", "issuer_id", "subject"],
    lambda **names: (
        Identity.objects.filter(**names)
        .order_by("agent__access__number")
        .values_list("agent__id", "agent__access__action", "agent__access__resource")
    ),
)

_jws = PyJWS(algorithms=sorted(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Check:
    """A decision that the audit trail has to show."""

    action: str
    resource: str
    authorized: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what the call may do: the agent's access, or what the token narrowed it to."""

    account_id: str
    agent_id: str
    issuer_id: str
    subject: str
    access: tuple[Statement, ...]
    checks: tuple[Check, ...] = ()  # of inline permissions against the agent's access
    kid: str = ""  # of the key that signed the token

    @property
    def kind(self) -> str:
        """Return `user` or `client`, the word of messages."""
        return "client" if self.agent_id.startswith("clt-") else "user"


class ExcessivePermissions(Unauthorized):
    """A token claims more than its agent has; carries the caller for the audit trail."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self.caller = caller


@dataclass(frozen=True, slots=True)
class Decoded:
    """A token taken apart, not verified."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]


def bearer(header: str | None) -> str | None:
    """Return the token of an Authorization header, or None (contract 2.1)."""
    found = BEARER.fullmatch(header) if header else None
    return found.group(1).strip() if found else None


def authenticate(token: str, account_id: str) -> Caller:
    """Return who presents `token` in the account; raise Unauthorized for every flaw (contract 2.2).

    What was found is remembered until the token expires or an issuer, agent or access entry changes.
    """
    remembered = _remembered.get(account_id, token)
    if remembered is not None:
        return remembered
    agents = generation.of_agents()
    decoded = decode(token)
    issuer_id, subject = names(decoded.claims)
    if issuer_id.endswith(resources.SYSTEM_SUFFIX):
        caller = _system_caller(decoded, account_id)
    else:
        verify(decoded, issuer_key(account_id, issuer_id, decoded.header))
        agent = replace(_agent(account_id, issuer_id, subject), kid=decoded.header["kid"])
        caller = _narrowed(agent, decoded.claims)
    _remembered.put(account_id, token, caller, agents, decoded.claims.get("exp"))
    return caller


def decode(token: str) -> Decoded:
    """Take a token apart without verifying it; raise Unauthorized when it is not a JWT."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN_CHARACTERS or len(parts) != 3 or not all(map(BASE64URL.fullmatch, parts)):
        raise Unauthorized
    return Decoded(token, _json_object(parts[0]), _json_object(parts[1]))


def _json_object(part: str) -> dict[str, Any]:
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, binascii.Error, RecursionError):
        raise Unauthorized from None
    if not isinstance(value, dict):
        raise Unauthorized
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def names(claims: dict[str, Any]) -> tuple[str, str]:
    """Return issuer and subject; raise Unauthorized unless both are texts that a row may hold."""
    issuer_id, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(issuer_id, str) or not isinstance(subject, str) or not issuer_id or not subject:
        raise Unauthorized
    try:
        text = f"{issuer_id}{subject}".encode()
    except UnicodeEncodeError:
        raise Unauthorized from None
    if b"\0" in text:
        raise Unauthorized
    return issuer_id, subject


def issuer_key(account_id: str, issuer_id: str, header: dict[str, Any]) -> keys.PublicKey:
    """Return the key that the header's `kid` names among the keys of a registered issuer (contract 2.3)."""
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise Unauthorized
    for json_keys_url, public_keys in ISSUER.ask(account_id=account_id, issuer_id=issuer_id):
        key = jwks.find(json_keys_url, kid) if json_keys_url else _inline_key(public_keys, kid)
        if key is not None:
            return key
    raise Unauthorized


def _inline_key(public_keys: str, kid: str) -> keys.PublicKey | None:
    for entry in json.loads(public_keys):
        if entry["keyId"] == kid:
            return keys.from_pem(entry["publicKey"])
    return None


def verify(decoded: Decoded, key: keys.PublicKey, *, audience: bool = True) -> None:
    """Check signature, times and (unless told otherwise) audience; raise Unauthorized when any fails."""
    algorithm = decoded.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in keys.algorithms_of(key) or "crit" in decoded.header:
        raise Unauthorized
    try:
        _jws.decode(decoded.token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unauthorized from None
    check_times(decoded.claims)
    if audience and not addressed_to_us(decoded.claims.get("aud")):
        raise Unauthorized


def check_times(claims: dict[str, Any], *, required: bool = False) -> None:
    """Raise Unauthorized before `nbf` or from `exp` on; there is no tolerance (contract 2.2)."""
    now = time.time()
    for name in ("exp", "nbf"):
        value = claims.get(name)
        if name in claims and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Unauthorized
    lifetime = configuration.current().max_token_lifetime
    if "exp" not in claims:
        if required or lifetime:
            raise Unauthorized
    elif claims["exp"] <= now or (lifetime and claims["exp"] > now + lifetime):
        raise Unauthorized
    if claims.get("nbf", 0) > now:
        raise Unauthorized


def addressed_to_us(audience: object) -> bool:
    """Tell whether the `aud` claim names exactly this server."""
    expected = configuration.current().base_url
    return audience == expected or (isinstance(audience, list) and expected in audience)


def _agent(account_id: str, issuer_id: str, subject: str) -> Caller:
    found = ACCESS.ask(account_id=account_id, issuer_id=issuer_id, subject=subject)
    if not found:
        raise Unauthorized
    access = tuple(Statement(action, resource) for _id, action, resource in found if action is not None)
    return Caller(account_id, found[0][0], issuer_id, subject, access)


def _narrowed(caller: Caller, claims: dict[str, Any]) -> Caller:
    """Replace the agent's access by the token's inline permissions, each of which it must cover (contract 3.5)."""
    claim = claims.get(resources.PERMISSIONS_CLAIM)
    if claim is None or claim is False or claim == 0 or claim == "":
        return caller
    statements = inline_statements(claim)
    checks: list[Check] = []
    for statement in statements:
        allowed = permits(caller.access, statement.action, statement.resource)
        checks.append(Check(statement.action, resources.normalize(statement.resource), allowed))
        if not allowed:
            break
    narrowed = replace(caller, access=statements, checks=tuple(checks))
    if checks and not checks[-1].authorized:
        raise ExcessivePermissions(narrowed)
    return narrowed


def _system_caller(decoded: Decoded, account_id: str) -> Caller:
    """Return the server itself as a caller, with what its own token says (contract 2.4)."""
    issuer_id, subject = names(decoded.claims)
    kid = issuer_id.removesuffix(resources.SYSTEM_SUFFIX)
    system_key = SystemKey.objects.filter(kid=kid).first()
    if system_key is None or decoded.header.get("kid") != kid:
        raise Unauthorized
    key = keys.from_pem(system_key.public_key)
    if key is None:
        raise Unauthorized
    verify(decoded, key)
    check_times(decoded.claims, required=True)
    statements = inline_statements(decoded.claims.get(resources.PERMISSIONS_CLAIM))
    return Caller(account_id, SYSTEM_AGENT, issuer_id, subject, statements, kid=kid)


class _Remembered:
    """A bounded memory of verified tokens."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, str], tuple[Caller, int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, account_id: str, token: str) -> Caller | None:
        """Return the caller unless the token expired or the generation changed."""
        entry = self._entries.get((account_id, token))
        if entry is None:
            return None
        caller, agents, until = entry
        return caller if agents == generation.of_agents() and time.time() < until else None

    def put(self, account_id: str, token: str, caller: Caller, agents: int, expires: object) -> None:
        """Remember the caller as found in generation `agents`."""
        until = time.time() + MAX_REMEMBERED_S
        if isinstance(expires, int | float):
            until = min(until, expires)
        with self._lock:
            self._entries[account_id, token] = (caller, agents, until)
            while len(self._entries) > MAX_REMEMBERED:
                self._entries.popitem(last=False)


_remembered = _Remembered()
