"""The npm registry of an account, as far as its scopes go (contract 7.5)."""

import json
from typing import Any

from fusebit_platform import configuration
from fusebit_platform.errors import BadRequest
from fusebit_platform.models import Account
from fusebit_platform.services import transactions

GLOBAL_SCOPES = ["@fuse"]
RESERVED = "@fuse"


def get(*, account: Account, request_path: str) -> dict[str, Any]:
    """Return scopes and address; the address continues the path that was asked for."""
    own = [scope for scope in json.loads(account.scopes) if scope not in GLOBAL_SCOPES]
    known = GLOBAL_SCOPES if json.loads(account.scopes) else []
    return {"scopes": own + known, "url": f"{configuration.current().base_url}{request_path}npm/"}


def put(*, account: Account, scopes: list[str]) -> None:
    """Replace the account's own scopes."""
    own = [scope for scope in scopes if scope not in GLOBAL_SCOPES]
    if any(RESERVED in scope for scope in own):
        raise BadRequest("Scopes starting with '@fuse' are not allowed")
    with transactions.change():
        account.scopes = json.dumps([*own, *GLOBAL_SCOPES])
        account.save(update_fields=["scopes"])
