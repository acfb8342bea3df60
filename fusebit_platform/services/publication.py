"""Turns what a PUT says into a version that can be written, and writes it (contract 5.4)."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError

from fusebit_platform.authentication import Caller
from fusebit_platform.errors import BadRequest, SubscriptionMissing
from fusebit_platform.models import Function, Subscription
from fusebit_platform.services import (
    accounts,
    cron,
    dependencies,
    functions,
    moments,
    permissions,
    specifications,
    tags,
    transactions,
)
from fusebit_platform.services.functions import Address
from fusebit_platform.services.specifications import Specification


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A version that is ready to be written: its row, and the revision it was made from, None for a new function."""

    previous: str | None
    row: dict[str, Any]
    packages: str  # the key of its packages, empty when it has none
    runtime: str

    @property
    def version(self) -> int:
        """Return the number of the version."""
        version: int = self.row["version"]
        return version

    def as_json(self) -> str:
        """Return the draft as it is kept while its packages are built."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> "Draft":
        """Return the draft that was kept."""
        return cls(**json.loads(text))


def draft_of(*, caller: Caller, address: Address, body: Mapping[str, Any]) -> Draft | None:
    """Return what the body of a PUT says as a version, None when nothing changed; raise BadRequest and the like."""
    subscription = _subscription(address)
    found = functions.find(address)
    previous = json.loads(found.specification) if found else None
    specification = specifications.build(body, previous)
    _check_static_ip(specification, subscription)
    dependencies.pin(specification, previous)
    version = _next_version(found, previous, specification)
    row, rendered = _row(address, found, specification, version)
    permissions.ensure_within(caller=caller, rendered=rendered)
    if previous is not None and specifications.is_same(previous, specification):
        return None
    return _as_draft(found, row, specification)


def again(*, address: Address, function: Function) -> Draft | None:
    """Return the stored specification with its dependencies resolved anew, None when it has none."""
    specification = json.loads(function.specification)
    if not specification["ranges"]:
        return None
    dependencies.resolve(specification)
    row, _rendered = _row(address, function, specification, function.version + 1)
    return _as_draft(function, row, specification)


def _row(
    address: Address, found: Function | None, specification: Specification, version: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of a version, and its security and routes as they are rendered."""
    own = tags.of_function(address.ids(), specification, version)
    view = tags.nested(own) | address.ids()
    rendered = permissions.render(specification["security"], specification["routes"], view)
    return {
        "specification": _text(specification),
        "rendered": _text(rendered),
        "runtime": f"node{specification['node'].partition('.')[0]}",
        "schedule": _text(specification["schedule"]),
        "tags": _text(own | tags.of_security(rendered)),
        "version": version,
        "packages": specification["packages"],
        "due_ms": _next_due(found, specification["schedule"]),
        "revision": secrets.token_hex(16),
        "redirect_url": "",
    }, rendered


def _as_draft(found: Function | None, row: dict[str, Any], specification: Specification) -> Draft:
    return Draft(
        previous=found.revision if found else None,
        row=row,
        packages=specification["packages"],
        runtime=f"v{specification['node']}",
    )


def publish(*, address: Address, draft: Draft) -> bool:
    """Write a version unless another request came in between; tell whether it was written."""
    key = functions.key_of(address)
    with transactions.change():
        if draft.previous is not None:
            rows = Function.objects.filter(**key, revision=draft.previous)
            return bool(rows.update(**draft.row))
        try:
            with transactions.unnoticed():
                Function.objects.create(**key, **draft.row)
        except IntegrityError:
            return False
        return True


def _subscription(address: Address) -> Subscription:
    found = Subscription.objects.filter(pk=address.subscription_id, account_id=address.account_id).first()
    if found is None:
        raise SubscriptionMissing
    return found


def _check_static_ip(specification: Specification, subscription: Subscription) -> None:
    wanted = specification["compute"].get("staticIp")
    if wanted and accounts.effective(subscription)["flags"].get("staticIp") != "true":
        raise BadRequest("Static IP feature requested for a subscription that doesn't have access to it.")


def _next_version(found: Function | None, previous: Specification | None, wanted: Specification) -> int:
    if found is None or previous is None:
        return 1
    changed = not specifications.is_same(previous, wanted, specifications.VERSIONED)
    return found.version + 1 if changed else found.version


def _next_due(found: Function | None, schedule: Mapping[str, str]) -> int | None:
    """Return when the schedule comes true next; one that stays as it is misses nothing."""
    if found is not None and json.loads(found.schedule) == schedule:
        return found.due_ms
    return cron.next_due(schedule, moments.now_ms())


def outcome(*, address: Address, version: int, started: str) -> dict[str, Any]:
    """Return what a PUT answers whose version is live."""
    ids = address.ids()
    del ids["accountId"]
    transitions = {"pending": started, "building": started, "success": moments.now()}
    location = address.location()
    return {"status": "success", **ids, "transitions": transitions, "location": location, "version": version}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
