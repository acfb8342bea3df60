"""Storage: JSON values under hierarchical names, with optimistic locking (contract 7.3)."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from fusebit_platform.errors import Conflict, NotFound
from fusebit_platform.models import StorageItem
from fusebit_platform.services import moments, paging, transactions

PAGE = 100
AFTER_SLASH = "0"  # the character that follows `/`


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where an item is."""

    account_id: str
    subscription_id: str
    storage_id: str


def get(*, place: Place) -> dict[str, Any]:
    """Return the item unless it is missing or expired."""
    item = _living(_items(place)).filter(storage_id=place.storage_id).first()
    if item is None:
        raise NotFound
    return _as_json(item, with_content=True)


def put(
    *, place: Place, content: Any, expected: str | None, tags: dict[str, str], expires: datetime | None
) -> dict[str, Any]:
    """Write the item; an expected etag must be the current one, if there is an item."""
    with transactions.change():
        item = _items(place).select_for_update().filter(storage_id=place.storage_id).first()
        if item is None:
            item = StorageItem(
                account_id=place.account_id, subscription_id=place.subscription_id, storage_id=place.storage_id
            )
        elif expected is not None and item.etag != expected:
            raise Conflict
        item.content = json.dumps(content)
        item.etag = str(uuid.uuid4())
        item.tags = json.dumps(tags)
        item.expires = expires or item.expires
        item.save()
    return _as_json(item, with_content=True)


def remove(*, place: Place, expected: str | None) -> None:
    """Delete the item."""
    with transactions.change():
        item = _items(place).select_for_update().filter(storage_id=place.storage_id).first()
        if item is None:
            raise NotFound
        if expected is not None and item.etag != expected:
            raise Conflict
        item.delete()


def remove_below(*, place: Place) -> None:
    """Delete everything below a name, but not what has the name itself; below nothing, nothing."""
    if place.storage_id:
        with transactions.change():
            _below(place).delete()


def list_items(*, place: Place, count: int, next_token: str | None) -> dict[str, Any]:
    """Return a page of what lies below, by id and without the values."""
    size = paging.limit(count, default=PAGE)
    after = paging.position(next_token, str)
    rows = _living(_below(place))
    total = rows.count()
    if after is not None:
        rows = rows.filter(storage_id__gt=after)
    found = list(rows.order_by("storage_id").defer("content")[: size + 1])
    page = paging.page(found, size, _listed, lambda item: item.storage_id)
    return {"items": page["items"], "total": total, **({"next": page["next"]} if "next" in page else {})}


def _items(place: Place) -> "QuerySet[StorageItem]":
    return StorageItem.objects.filter(account_id=place.account_id, subscription_id=place.subscription_id)


def _below(place: Place) -> "QuerySet[StorageItem]":
    if not place.storage_id:
        return _items(place)
    low, high = f"{place.storage_id}/", f"{place.storage_id}{AFTER_SLASH}"
    return _items(place).filter(storage_id__gt=low, storage_id__lt=high)


def _living(rows: "QuerySet[StorageItem]") -> "QuerySet[StorageItem]":
    return rows.filter(Q(expires=None) | Q(expires__gt=timezone.now()))


def _listed(item: StorageItem) -> dict[str, Any]:
    return _as_json(item, with_content=False)


def _as_json(item: StorageItem, *, with_content: bool) -> dict[str, Any]:
    name, etag, tags = {"storageId": item.storage_id}, {"etag": item.etag}, {"tags": json.loads(item.tags)}
    expires = {"expires": moments.iso(item.expires)} if item.expires else {}
    if with_content:
        return {**name, "data": json.loads(item.content), **etag, **tags, **expires}
    return {**name, **tags, **expires, **etag}
