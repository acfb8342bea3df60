"""Replaces a signing key while everything keeps running: make, register, prove, switch, wait, retire.

Every step is written down before the next one begins, may be repeated, and can be undone until the old key is retired.
The old key stays registered until nothing that it signed can still be under way.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from fusebit_bridge import connection, keyring, tokens
from fusebit_bridge.agents import ask_me
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.errors import FusebitError, Refused, UnexpectedAnswer
from fusebit_bridge.models import Client, Purpose, Rotation, SigningKey, Step, TenantIssuer
from fusebit_bridge.tokens import KeySource

MOST_KEYS = 3  # contract 2.3
AFTER_SWITCH = timedelta(seconds=max(tokens.TTL_S.values()) + 30)


class MayNot(FusebitError):
    """A step may not be taken now; the message says why."""

    code = "may_not"


class LacksIssuer(MayNot):
    """The client may not change the issuer; `commands` let it."""

    def __init__(self, message: str, commands: list[str]) -> None:
        super().__init__(message)
        self.commands = commands


@dataclass(frozen=True)
class Use:
    """What speaks against retiring the old key: when it signed last, and until when tokens of it were promised."""

    last_used_at: datetime | None
    promised_until: datetime | None
    free_at: datetime


def current(purpose: Purpose) -> Rotation | None:
    """Return the rotation that is under way."""
    return Rotation.objects.select_related("old_key", "new_key").filter(purpose=purpose, ended_at=None).first()


def begin(purpose: Purpose) -> Rotation:
    """Make the new key, or find the rotation that is under way."""
    found = current(purpose)
    if found is not None:
        return found
    old = _key_in_use(purpose)
    fresh = PrivateKey.generate(key_id=secrets.token_hex(4))
    with transaction.atomic():
        new = keyring.store(fresh, purpose=purpose, issuer_id=old.issuer_id)
        return Rotation.objects.create(purpose=purpose, old_key=old, new_key=new, old_kid=old.key_id)


def advance(rotation: Rotation, *, subject: str = "", at_once: bool = False) -> Rotation:
    """Take the next step; raise MayNot where it may not be taken now.

    `subject` is somebody to try a tenants' key as. `at_once` retires a key that somebody else may have, whatever is
    under way with it.
    """
    if rotation.step == Step.MADE:
        _register(rotation, add=rotation.new_key)
        return _at(rotation, Step.REGISTERED)
    if rotation.step == Step.REGISTERED:
        _prove(rotation, subject)
        return _at(rotation, Step.PROVEN)
    if rotation.step == Step.PROVEN:
        return _switch(rotation, to=rotation.new_key, step=Step.SWITCHED, switched_at=timezone.now())
    return _retire(rotation, at_once=at_once)


def undo(rotation: Rotation) -> Rotation:
    """Go back: from the new key to the old one, or, before the switch, as if nothing had been begun."""
    if rotation.step == Step.SWITCHED:
        return _switch(rotation, to=_old(rotation), step=Step.PROVEN, switched_at=None)
    if rotation.step != Step.MADE:
        _register(rotation, drop=rotation.new_key)
    rotation.new_key.delete()  # and the rotation with it
    return rotation


def use_of_old(rotation: Rotation) -> Use:
    """Return what is known of the old key's use since the switch."""
    known = _same(_old(rotation)).aggregate(used=Max("last_used_at"), promised=Max("promised_until"))
    used, promised = known["used"], known["promised"]
    free_at = (rotation.switched_at or timezone.now()) + AFTER_SWITCH
    if used and rotation.switched_at and used > rotation.switched_at:
        free_at = max(free_at, used + AFTER_SWITCH)
    return Use(used, promised, max(free_at, promised) if promised else free_at)


def _retire(rotation: Rotation, *, at_once: bool) -> Rotation:
    use = use_of_old(rotation)
    if timezone.now() < use.free_at and not at_once:
        why = "call tokens that it signed are alive" if use.promised_until == use.free_at else "it may still be in use"
        raise MayNot(f"The old key {rotation.old_kid} stays until {use.free_at:%Y-%m-%d %H:%M:%S} UTC: {why}.")
    old = _old(rotation)
    _register(rotation, drop=old)
    with transaction.atomic():
        Rotation.objects.filter(pk=rotation.pk).update(step=Step.RETIRED, ended_at=timezone.now(), old_key=None)
        Rotation.objects.filter(old_key=old).update(old_key=None)
        Rotation.objects.filter(new_key=old).delete()  # an earlier exchange, of which this was the new one
        _same(old).delete()
    rotation.refresh_from_db()
    return rotation


def _old(rotation: Rotation) -> SigningKey:
    if rotation.old_key is None:
        raise MayNot("The old key is gone already.")
    return rotation.old_key


def _same(key: SigningKey) -> QuerySet[SigningKey]:
    """Return the rows of one key: it is kept twice where one key signs for the client and for tenants."""
    return SigningKey.objects.filter(key_id=key.key_id, issuer_id=key.issuer_id)


def _at(rotation: Rotation, step: Step, **columns: Any) -> Rotation:
    Rotation.objects.filter(pk=rotation.pk).update(step=step, **columns)
    rotation.refresh_from_db()
    return rotation


def _key_in_use(purpose: Purpose) -> SigningKey:
    if purpose == Purpose.CLIENT:
        key = connection.imported().key
        if key is None:
            raise MayNot("The client has no key: its tokens come from an authorization server.")
        return key
    row = connection.issuer()
    if not row.is_ours:
        raise MayNot("Tenants' identities live under the client's own issuer: rotate the client's key.")
    return row.key


def _prove(rotation: Rotation, subject: str) -> None:
    """Ask Fusebit who we are, with the new key; it must accept it."""
    client = connection.imported()
    who = client.subject if rotation.purpose == Purpose.CLIENT else subject
    if not who:  # nobody has an identity yet, so nobody can be refused
        return
    key = keyring.load(rotation.new_key)
    source = KeySource(key, issuer_id=rotation.new_key.issuer_id, subject=who, audience=client.audience)
    try:
        ask_me(connection.requestor(client.base_url), source, connection.account_of(client))
    except Refused as error:
        raise MayNot(f"Fusebit does not accept the new key {key.key_id} so far.", detail=error.detail) from None


def _switch(rotation: Rotation, *, to: SigningKey, step: Step, **columns: Any) -> Rotation:
    with transaction.atomic():
        if rotation.purpose == Purpose.CLIENT:
            Client.objects.filter(pk=1).update(key=to)
            _lend(to)
        else:
            TenantIssuer.objects.filter(is_ours=True).update(key=to)
        return _at(rotation, step, **columns)


def _lend(key: SigningKey) -> None:
    """Let tenants' tokens be signed by it as well, where they live under the client's own issuer."""
    for row in TenantIssuer.objects.filter(is_ours=False, issuer_id=key.issuer_id):
        row.key = keyring.store(keyring.load(key), purpose=Purpose.TENANT, issuer_id=key.issuer_id)
        row.save(update_fields=["key"])


def _register(rotation: Rotation, *, add: SigningKey | None = None, drop: SigningKey | None = None) -> None:
    """Add a key to the issuer at Fusebit, or take one away; verify that it was kept."""
    client = connection.imported()
    issuer_id = rotation.new_key.issuer_id
    path = connection.account_of(client).issuer(issuer_id)
    source, requestor = connection.client_source(client), connection.requestor(client.base_url)
    agent = ask_me(requestor, source, connection.account_of(client))
    if not (agent.may("issuer:get", path.resource) and agent.may("issuer:update", path.resource)):
        command = f"fuse client access add {agent.id} 'issuer:*' -r {path.resource}"
        raise LacksIssuer(f"The client may not change the keys of the issuer {issuer_id}.", [command])
    present = requestor.ask("GET", path, token=tokens.keep_issuer(source, path, "get")).json()
    if present.get("jsonKeysUrl"):  # Fusebit fetches the keys that we publish
        return
    wanted = _keys(present, add, drop)
    if wanted != present.get("publicKeys"):
        token = tokens.keep_issuer(source, path, "update")
        requestor.ask("PATCH", path, token=token, body={"publicKeys": wanted})
    kept = requestor.ask("GET", path, token=tokens.keep_issuer(source, path, "get")).json()
    if {key.get("keyId") for key in kept.get("publicKeys") or ()} != {key["keyId"] for key in wanted}:
        raise UnexpectedAnswer("Fusebit has not kept the issuer's keys.")


def _keys(present: dict[str, Any], add: SigningKey | None, drop: SigningKey | None) -> list[dict[str, str]]:
    keys = [
        {"keyId": str(key["keyId"]), "publicKey": str(key["publicKey"])}
        for key in present.get("publicKeys") or ()
        if drop is None or key["keyId"] != drop.key_id
    ]
    if add is not None and all(key["keyId"] != add.key_id for key in keys):
        keys.append({"keyId": add.key_id, "publicKey": add.public_key})
    if len(keys) > MOST_KEYS:
        raise MayNot(f"The issuer has {MOST_KEYS} keys already, which is all that Fusebit takes: remove one first.")
    return keys
