"""Functions: where they are, get, list, delete (contract 5)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from fusebit_platform.errors import NotFound
from fusebit_platform.models import Function
from fusebit_platform.services import paging, tags, transactions

PAGE = 100
BAD_NEXT = "invalid 'next' parameter"
OPTIONAL_MEMBERS = ("configuration", "schedule", "metadata")
TEXTS = ("computeSerialized", "configurationSerialized", "scheduleSerialized")


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


def require(address: Address) -> Function:
    """Return the function or raise NotFound."""
    function = find(address)
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


def find(address: Address) -> Function | None:
    """Return the function, or None."""
    return Function.objects.filter(subscription__account_id=address.account_id, **key_of(address)).first()


def _tags(function: Function) -> tags.Tags:
    stored: tags.Tags = json.loads(function.tags)
    return stored | ({"ephemeral.redirect": function.redirect_url} if function.redirect_url else {})
