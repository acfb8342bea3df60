"""Functions: put, get, list, delete (contract 5)."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.db.models import Q, QuerySet

from fusebit_platform.authentication import Caller
from fusebit_platform.errors import BadRequest, Conflict, NotFound, SubscriptionMissing
from fusebit_platform.models import Function, Subscription
from fusebit_platform.services import cron, moments, paging, permissions, specifications, tags, transactions
from fusebit_platform.services.specifications import Specification

PAGE = 100
ATTEMPTS = 10
BAD_NEXT = "invalid 'next' parameter"
OPTIONAL_MEMBERS = ("configuration", "schedule", "metadata")
TEXTS = ("computeSerialized", "configurationSerialized", "scheduleSerialized")


class Overtaken(Exception):
    """Another request changed the function in the meantime."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a function is; `base_url` is the server as the caller named it."""

    account_id: str
    subscription_id: str
    boundary_id: str
    function_id: str
    base_url: str = ""

    def ids(self) -> dict[str, str]:
        """Return the four ids as they are named on the wire."""
        return {
            "accountId": self.account_id,
            "subscriptionId": self.subscription_id,
            "boundaryId": self.boundary_id,
            "functionId": self.function_id,
        }

    def location(self) -> str:
        """Return the execution URL."""
        return f"{self.base_url}/v1/run/{self.subscription_id}/{self.boundary_id}/{self.function_id}"


def put(*, caller: Caller, address: Address, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Make the function be what the body says; return the build's outcome, or None when nothing changed."""
    started = moments.now()
    subscription = _subscription(address)
    for _attempt in range(ATTEMPTS):
        try:
            version = _put_once(caller, address, body, subscription)
        except Overtaken:
            continue
        return None if version is None else _outcome(address, version, started)
    raise Conflict


def _put_once(caller: Caller, address: Address, body: Mapping[str, Any], subscription: Subscription) -> int | None:
    found = _find(address)
    previous = json.loads(found.specification) if found else None
    specification = specifications.build(body, previous)
    _check_static_ip(specification, subscription)
    _refuse_dependencies(specification)
    version = _next_version(found, previous, specification)
    own = tags.of_function(address.ids(), specification, version)
    view = tags.nested(own) | address.ids()
    rendered = permissions.render(specification["security"], specification["routes"], view)
    permissions.ensure_within(caller=caller, rendered=rendered)
    if previous is not None and specifications.is_same(previous, specification):
        return None
    row = {
        "specification": _text(specification),
        "rendered": _text(rendered),
        "runtime": f"node{specification['node'].partition('.')[0]}",
        "schedule": _text(specification["schedule"]),
        "tags": _text(own | tags.of_security(rendered)),
        "version": version,
        "due_ms": _next_due(found, specification["schedule"]),
        "revision": secrets.token_hex(16),
        "redirect_url": "",
    }
    _write(address, found, row)
    return version


def _write(address: Address, found: Function | None, row: dict[str, Any]) -> None:
    """Write the row unless another PUT came in between; raise Overtaken then."""
    with transactions.change():
        if found is not None:
            if not Function.objects.filter(pk=found.pk, revision=found.revision).update(**row):
                raise Overtaken
            return
        try:
            Function.objects.create(**key_of(address), **row)
        except IntegrityError:
            raise Overtaken from None


def get(*, address: Address, full: bool = False) -> dict[str, Any]:
    """Return the specification; `full` adds the serialised texts."""
    function = require(address)
    specification = json.loads(function.specification)
    answer: dict[str, Any] = {
        "accountId": address.account_id,
        "subscriptionId": address.subscription_id,
        "boundaryId": address.boundary_id,
        "id": address.function_id,
        "nodejs": specification["nodejs"],
        "compute": specification["compute"],
    }
    answer |= {name: specification[name] for name in OPTIONAL_MEMBERS if specification[name]}
    answer |= {"location": address.location(), "security": specification["security"]}
    answer |= {"routes": specification["routes"]}
    if specification["fusebitEditor"]:
        answer["fusebitEditor"] = specification["fusebitEditor"]
    answer["runtime"] = {"tags": _tags(function)}
    if full:
        answer |= {name: specification[name] for name in TEXTS if specification[name]}
    return answer


def remove(*, address: Address) -> None:
    """Delete the function."""
    with transactions.change():
        require(address).delete()


def rebuild(*, address: Address) -> None:
    """Build the stored specification again; without dependencies there is nothing to do."""
    require(address)


def require(address: Address) -> Function:
    """Return the function or raise NotFound."""
    function = _find(address)
    if function is None:
        raise NotFound
    return function


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which functions are wanted, and how much of them."""

    account_id: str
    subscription_id: str
    boundary_id: str | None
    base_url: str
    count: int | None = None
    next_token: str | None = None
    cron: bool | None = None
    search: Iterable[str] = ()
    full: bool = False


def list_functions(listing: Listing) -> dict[str, Any]:
    """Return a page of functions by boundary and name; `count` bounds how many are looked at (contract 5.6)."""
    size = paging.limit(listing.count, default=PAGE)
    place = paging.position(listing.next_token, list, BAD_NEXT)
    wanted = tags.parse_search(listing.search if listing.cron is None else [f"cron={str(listing.cron).lower()}"])
    while True:
        rows = list(_after(_listed(listing), place)[: size + 1])
        shown = [(row, tags.listed(_tags(row), row.runtime)) for row in rows[:size]]
        items = [_item(listing, row, listed) for row, listed in shown if tags.matches(listed, wanted)]
        if len(rows) <= size:
            return {"items": items}
        place = [rows[size - 1].boundary_id, rows[size - 1].function_id]
        if items:
            return {"items": items, "next": paging.token(place)}


def _listed(listing: Listing) -> "QuerySet[Function]":
    rows = Function.objects.filter(
        subscription_id=listing.subscription_id, subscription__account_id=listing.account_id
    ).defer("specification", "rendered")
    return rows.filter(boundary_id=listing.boundary_id) if listing.boundary_id is not None else rows


def _after(rows: "QuerySet[Function]", place: list[str] | None) -> "QuerySet[Function]":
    rows = rows.order_by("boundary_id", "function_id")
    if place is None:
        return rows
    boundary_id, function_id = place
    later = Q(boundary_id__gt=boundary_id) | Q(function_id__gt=function_id)
    return rows.filter(later, boundary_id__gte=boundary_id)


def _item(listing: Listing, row: Function, listed: tags.Tags) -> dict[str, Any]:
    address = Address(
        account_id=listing.account_id,
        subscription_id=listing.subscription_id,
        boundary_id=row.boundary_id,
        function_id=row.function_id,
        base_url=listing.base_url,
    )
    item: dict[str, Any] = {
        "boundaryId": row.boundary_id,
        "functionId": row.function_id,
        "schedule": json.loads(row.schedule),
        "location": address.location(),
    }
    return item | ({"runtime": {"tags": listed}} if listing.full else {})


def key_of(place: Address | Function) -> dict[str, str]:
    """Return what names a function within its account."""
    return {name: getattr(place, name) for name in ("subscription_id", "boundary_id", "function_id")}


def _find(address: Address) -> Function | None:
    return Function.objects.filter(subscription__account_id=address.account_id, **key_of(address)).first()


def _subscription(address: Address) -> Subscription:
    found = Subscription.objects.filter(pk=address.subscription_id, account_id=address.account_id).first()
    if found is None:
        raise SubscriptionMissing
    return found


def _check_static_ip(specification: Specification, subscription: Subscription) -> None:
    if specification["compute"].get("staticIp") and json.loads(subscription.flags).get("staticIp") != "true":
        raise BadRequest("Static IP feature requested for a subscription that doesn't have access to it.")


def _refuse_dependencies(specification: Specification) -> None:
    for name, wanted in specification["ranges"].items():
        raise BadRequest(f"Unable to fully resolve module version for {name}@{wanted} from public registry")


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


def _outcome(address: Address, version: int, started: str) -> dict[str, Any]:
    ids = address.ids()
    del ids["accountId"]
    done = moments.now()
    transitions = {"pending": started, "building": started, "success": done}
    location = address.location()
    return {"status": "success", **ids, "transitions": transitions, "location": location, "version": version}


def _tags(function: Function) -> tags.Tags:
    stored: tags.Tags = json.loads(function.tags)
    return stored | ({"ephemeral.redirect": function.redirect_url} if function.redirect_url else {})


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
