"""Issuers: who may sign tokens for an account (contract 4.4)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.db.models import Value
from django.db.models.functions import StrIndex

from fusebit_platform import jwks
from fusebit_platform.errors import BadRequest, NotFound
from fusebit_platform.models import Issuer
from fusebit_platform.services import accounts, paging, transactions


@dataclass(frozen=True, kw_only=True)
class IssuerInput:
    """What a request says about an issuer; what is None was not said."""

    display_name: str | None = None
    json_keys_url: str | None = None
    public_keys: Sequence[dict[str, str]] | None = None


def require(account_id: str, issuer_id: str) -> Issuer:
    """Return the issuer or raise NotFound."""
    accounts.require(account_id)
    issuer = Issuer.objects.filter(account_id=account_id, issuer_id=issuer_id).first()
    if issuer is None:
        raise NotFound(f"The issuer '{issuer_id}' is not associated with the account")
    return issuer


def add(*, account_id: str, issuer_id: str, wanted: IssuerInput) -> dict[str, Any]:
    """Register an issuer with exactly one source of keys."""
    accounts.require(account_id)
    _check(issuer_id, wanted)
    if not wanted.json_keys_url and not wanted.public_keys:
        raise BadRequest(f"The issuer '{issuer_id}' must have at least one public key or a json keys URL")
    try:
        with transactions.change(agents=True):
            issuer = Issuer(account_id=account_id, issuer_id=issuer_id)
            _apply(issuer, wanted)
            issuer.save(force_insert=True)
    except IntegrityError:
        raise BadRequest(f"The issuer '{issuer_id}' already exists") from None
    return as_json(issuer)


def get(*, account_id: str, issuer_id: str) -> dict[str, Any]:
    """Return the issuer."""
    return as_json(require(account_id, issuer_id))


def update(*, account_id: str, issuer_id: str, wanted: IssuerInput) -> dict[str, Any]:
    """Change the issuer; one source of keys replaces the other."""
    _check(issuer_id, wanted)
    with transactions.change(agents=True):
        issuer = require(account_id, issuer_id)
        _apply(issuer, wanted)
        issuer.save()
    return as_json(issuer)


def remove(*, account_id: str, issuer_id: str) -> None:
    """Forget the issuer; identities that name it stay."""
    with transactions.change(agents=True):
        require(account_id, issuer_id).delete()


def list_issuers(*, account_id: str, name: str | None, count: int | None, next_token: str | None) -> dict[str, Any]:
    """Return a page of issuers by id; `name` is a case-sensitive part of the display name."""
    size = paging.limit(count)
    after = paging.position(next_token, str)
    accounts.require(account_id)
    rows = Issuer.objects.filter(account_id=account_id).order_by("issuer_id")
    if name:
        rows = rows.alias(at=StrIndex("display_name", Value(name))).filter(at__gt=0)
    if after is not None:
        rows = rows.filter(issuer_id__gt=after)
    return paging.page(list(rows[: size + 1]), size, as_json, lambda row: row.issuer_id)


def as_json(issuer: Issuer) -> dict[str, Any]:
    """Return the issuer as it appears on the wire."""
    answer: dict[str, Any] = {"id": issuer.issuer_id}
    if issuer.display_name:
        answer["displayName"] = issuer.display_name
    if issuer.json_keys_url:
        answer["jsonKeysUrl"] = issuer.json_keys_url
    public_keys = json.loads(issuer.public_keys)
    if public_keys:
        answer["publicKeys"] = public_keys
    return answer


def _check(issuer_id: str, wanted: IssuerInput) -> None:
    if wanted.json_keys_url and wanted.public_keys:
        raise BadRequest(f"The issuer '{issuer_id}' can not have both public keys and a json keys URL")
    seen: set[str] = set()
    for entry in wanted.public_keys or ():
        if entry["keyId"] in seen:
            raise BadRequest(
                f"The issuer '{issuer_id}' has more than one public key with the public key id '{entry['keyId']}'"
            )
        seen.add(entry["keyId"])


def _apply(issuer: Issuer, wanted: IssuerInput) -> None:
    if wanted.display_name:
        issuer.display_name = wanted.display_name
    if wanted.json_keys_url:
        issuer.json_keys_url = wanted.json_keys_url
        issuer.public_keys = "[]"
    if wanted.public_keys:
        issuer.public_keys = json.dumps(list(wanted.public_keys))
        issuer.json_keys_url = ""
    if issuer.json_keys_url:
        jwks.forget(issuer.json_keys_url)
