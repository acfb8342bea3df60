"""Makes our issuer known at Fusebit where the client may, and says what an account admin has to type where not."""

import secrets
from typing import Any

from django.db import transaction
from django.utils import timezone

from fusebit_bridge import connection, keyring, tokens
from fusebit_bridge.agents import Agent, ask_me
from fusebit_bridge.credentials import PrivateKey, public_jwk
from fusebit_bridge.errors import Missing, Rejected, UnexpectedAnswer
from fusebit_bridge.models import Client, Purpose, SigningKey, TenantIssuer
from fusebit_bridge.resources import IssuerId

PREFIX = "onboarding-"
_ADD: tokens.Verb = "add"
_UPDATE: tokens.Verb = "update"


def create(issuer_id: str = "") -> TenantIssuer:
    """Return our issuer, made at the first call: an id for ever, and a key; a lost key is replaced.

    Raise Rejected when `issuer_id` is another than the one that identities may already live under.
    """
    row = TenantIssuer.objects.select_related("key").filter(is_ours=True).first()
    if row is not None and issuer_id and issuer_id != row.issuer_id:
        raise Rejected(f"The tenant issuer is {row.issuer_id} and stays so: people's identities name it.")
    if row is not None and keyring.opens(row.key):
        return row
    name = row.issuer_id if row else str(IssuerId(issuer_id or PREFIX + secrets.token_hex(8)))
    key = keyring.store(PrivateKey.generate(key_id=secrets.token_hex(4)), purpose=Purpose.TENANT, issuer_id=name)
    if row is None:
        return TenantIssuer.objects.create(issuer_id=name, key=key)
    lost, row.key, row.registered_at = row.key, key, None
    row.save(update_fields=["key", "registered_at"])
    lost.delete()
    return row


def ensure_registered() -> bool:
    """Register our issuer at Fusebit or bring its keys up to date there, and choose it; False when we may not.

    Without the permission the client's own issuer is chosen in its place, unless ours was registered before, or the
    client has no key to lend: then nothing is chosen, and people wait. An issuer whose keys an operator has pointed to
    a URL is left as it is. Whatever Fusebit does not answer clearly is raised, and nothing is chosen.
    """
    client = connection.imported()
    row = TenantIssuer.objects.select_related("key").get(is_ours=True)
    if _register(client, row):
        _choose(row)
        return True
    if row.registered_at is not None:
        return True
    if client.key is not None:
        _choose(_adopted(client, client.key))
    return False


def register_provider(issuer_id: str, keys_url: str) -> list[str]:
    """Make a sign-in provider's own issuer known at Fusebit, by the URL of its keys.

    Return nothing when that is so, or, where the client may not, what an account admin has to type first.
    """
    client = connection.imported()
    source, requestor = connection.client_source(client), connection.requestor(client.base_url)
    path = connection.account_of(client).issuer(issuer_id)
    agent = ask_me(requestor, source, connection.account_of(client))
    if not all(agent.may(f"issuer:{verb}", path.resource) for verb in ("get", _ADD, _UPDATE)):
        return commands_for_admin(client, agent, issuer_id)
    try:
        present = requestor.ask("GET", path, token=tokens.keep_issuer(source, path, "get")).json()
    except Missing:
        body = {"displayName": "Sign-in provider", "jsonKeysUrl": keys_url}
        requestor.ask("POST", path, token=tokens.keep_issuer(source, path, _ADD), body=body)
        return []
    if present.get("jsonKeysUrl") != keys_url:
        token = tokens.keep_issuer(source, path, _UPDATE)
        requestor.ask("PATCH", path, token=token, body={"jsonKeysUrl": keys_url})
    return []


def commands_for_admin(client: Client, agent: Agent | None, issuer_id: str) -> list[str]:
    """Return the commands that let the client register our issuer, to be typed by an account admin."""
    resource = connection.account_of(client).issuer(issuer_id).resource
    return [f"fuse client access add {agent.id if agent else 'CLIENT_ID'} 'issuer:*' -r {resource}"]


def _register(client: Client, row: TenantIssuer) -> bool:
    requestor = connection.requestor(client.base_url)
    source = connection.client_source(client)
    path = connection.account_of(client).issuer(row.issuer_id)
    agent = ask_me(requestor, source, connection.account_of(client))

    def ask(method: str, verb: tokens.Verb, body: dict[str, Any] | None = None) -> dict[str, Any]:
        token = tokens.keep_issuer(source, path, verb)
        return requestor.ask(method, path, token=token, body=body).json()

    if not agent.may("issuer:get", path.resource):
        return False
    wanted = row.as_registration()
    method, verb = "PATCH", _UPDATE
    try:
        present = ask("GET", "get")
    except Missing:
        method, verb, present = "POST", _ADD, {}
    if serves(present, wanted):
        return True
    if not agent.may(f"issuer:{verb}", path.resource):
        return False
    ask(method, verb, wanted)
    if not serves(ask("GET", "get"), wanted):
        raise UnexpectedAnswer("Fusebit has not kept our issuer's key.")
    return True


def serves(present: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether Fusebit takes our key from what it has: the very key, or a URL that an operator gave it."""
    if present.get("jsonKeysUrl"):
        return True
    keys = present.get("publicKeys")
    known = {str(key.get("keyId")): str(key.get("publicKey")).strip() for key in keys or () if isinstance(key, dict)}
    return all(known.get(key["keyId"]) == key["publicKey"].strip() for key in wanted["publicKeys"])


def _adopted(client: Client, own: SigningKey) -> TenantIssuer:
    """Return the client's own issuer as an issuer of tenants, with the client's key under the tenants' ring."""
    key = keyring.store(keyring.load(own), purpose=Purpose.TENANT, issuer_id=client.issuer_id)
    row, _created = TenantIssuer.objects.update_or_create(
        issuer_id=client.issuer_id, defaults={"is_ours": False, "key": key}
    )
    return row


def _choose(row: TenantIssuer) -> None:
    with transaction.atomic():
        TenantIssuer.objects.filter(chosen=True).exclude(pk=row.pk).update(chosen=False)
        TenantIssuer.objects.filter(pk=row.pk).update(chosen=True, registered_at=row.registered_at or timezone.now())


def public_keys() -> list[dict[str, Any]]:
    """Return the public keys of our own issuer as JWKs (RFC 7517); those of the client are not ours to publish."""
    rows = TenantIssuer.objects.select_related("key").filter(is_ours=True)
    keys = [key for row in rows for key in row.serving_keys()]
    return [public_jwk(key.public_key, key_id=key.key_id, algorithm=key.algorithm) for key in keys]
