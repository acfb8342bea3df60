"""Accounts and their subscriptions (contract 4.2, 4.3)."""

import json
import logging
from typing import Any

from fusebit_platform import configuration, generation, resources
from fusebit_platform.errors import BadRequest, NotFound
from fusebit_platform.models import Account, Subscription
from fusebit_platform.services import paging, registries, transactions

DEFAULTS_FILE = "subscription-defaults.json"
log = logging.getLogger(__name__)


def require(account_id: str) -> Account:
    """Return the account or raise NotFound."""
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound(f"The account '{account_id}' does not exist")
    return account


def add(*, display_name: str = "", primary_email: str = "") -> dict[str, Any]:
    """Create an account, with the global scopes in its registry."""
    with transactions.change(agents=True):
        account = Account.objects.create(
            id=resources.new_id("acc"),
            display_name=display_name,
            primary_email=primary_email,
            scopes=json.dumps(registries.GLOBAL_SCOPES),
        )
    return {**_present(displayName=display_name, primaryEmail=primary_email), "id": account.id}


def get(*, account_id: str) -> dict[str, Any]:
    """Return the account."""
    account = require(account_id)
    return {"id": account.id, **_present(displayName=account.display_name, primaryEmail=account.primary_email)}


def update(*, account_id: str, display_name: str = "") -> dict[str, Any]:
    """Rename the account."""
    with transactions.change():
        account = require(account_id)
        if display_name:
            account.display_name = display_name
            account.save(update_fields=["display_name"])
    return get(account_id=account_id)


def add_subscription(*, account_id: str, display_name: str = "") -> dict[str, Any]:
    """Create a subscription in the account."""
    account = require(account_id)
    if not display_name:
        raise BadRequest('displayName: "displayName" is required')
    with transactions.change():
        subscription = Subscription.objects.create(
            id=resources.new_id("sub"), account=account, display_name=display_name
        )
    return {"displayName": subscription.display_name, "id": subscription.id}


def list_subscriptions(*, account_id: str, count: int | None, next_token: str | None) -> dict[str, Any]:
    """Return a page of the account's subscriptions by id."""
    size = paging.limit(count)
    after = paging.position(next_token, str)
    require(account_id)
    rows = Subscription.objects.filter(account_id=account_id).order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    return paging.page(list(rows[: size + 1]), size, _as_json, lambda row: row.id)


def get_subscription(*, account_id: str, subscription_id: str, cached: bool = False) -> dict[str, Any]:
    """Return the subscription; `cached` gives the fuller record of `include=cache`."""
    require(account_id)
    subscription = Subscription.objects.filter(account_id=account_id, pk=subscription_id).first()
    if subscription is None:
        raise NotFound(f"The subscription '{subscription_id}' does not exist")
    return effective(subscription) if cached else _as_json(subscription)


def effective(subscription: Subscription) -> dict[str, Any]:
    """Return the subscription's record over what the operator wrote down for every subscription."""
    return _merged(defaults(), {"id": subscription.id, "accountId": subscription.account_id, **_as_json(subscription)})


def defaults() -> dict[str, Any]:
    """Return what holds for every subscription, read anew each time; a change begins a new generation."""
    try:
        text = (configuration.current().data_dir / DEFAULTS_FILE).read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        text, content = "", {}
    except (OSError, ValueError):
        log.warning("The file %s in the data directory is not JSON; it is left out.", DEFAULTS_FILE)
        text, content = "", {}
    if _last_read.get(DEFAULTS_FILE, text) != text:
        generation.bump(agents=False)
    _last_read[DEFAULTS_FILE] = text
    return content if isinstance(content, dict) else {}


_last_read: dict[str, str] = {}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return both, objects merged at every depth; `above` wins."""
    both = above | {name: value for name, value in below.items() if name not in above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            both[name] = _merged(below[name], above[name])
    return both


def _as_json(row: Subscription) -> dict[str, Any]:
    return {
        "id": row.id,
        **_present(displayName=row.display_name),
        "limits": json.loads(row.limits),
        "flags": json.loads(row.flags),
    }


def _present(**members: str) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}
