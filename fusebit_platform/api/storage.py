"""Storage (contract 7.3)."""

import re
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import AfterValidator, BeforeValidator, Field

from fusebit_platform.api import bodies, parameters
from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer, nothing
from fusebit_platform.errors import BadRequest, NotFound
from fusebit_platform.services import moments, storage
from fusebit_platform.services.storage import Place
from fusebit_platform.validation import Shape, Text, matching, wrong, wrong_at

TAG = r"^[a-zA-Z0-9_\-\.]*$"


def _date(value: object) -> datetime:
    moment = moments.parse_date(value) if isinstance(value, str) else None
    if moment is None:
        raise wrong("must be a valid ISO 8601 date")
    return moment


def _tags(tags: dict[str, str]) -> dict[str, str]:
    for name in tags:
        if re.fullmatch(TAG, name, re.ASCII) is None or name.endswith("\n"):
            raise wrong_at(name, "is not allowed")
    return tags


class ItemBody(Shape):
    """The body of PUT."""

    content: Any = Field(alias="data")
    etag: Text = ""
    tags: Annotated[dict[str, Annotated[str, matching(TAG)]], AfterValidator(_tags)] = {}
    expires: Annotated[datetime | None, BeforeValidator(_date)] = None
    storage_id: Text = ""


class Storage(Endpoint):
    """`S/storage[/{storageId}][/*]`; the id is the rest of the path, decoded once."""

    actions = {"GET": "storage:get", "PUT": "storage:put", "DELETE": "storage:delete"}
    shapes = {"PUT": ItemBody}
    body_limit = bodies.STORAGE_LIMIT
    takes_query = frozenset({"GET"})
    query_first = True

    def check_path(self, method: str) -> None:
        """Take the id out of the rest of the path; a PUT that names no item is not found."""
        rest = self.ids.pop("rest", "").removesuffix("/")
        self.lists = not rest or rest == "*" or rest.endswith("/*")
        self.storage_id = rest.removesuffix("*").removesuffix("/") if self.lists else rest
        if method == "PUT" and self.lists:
            raise NotFound
        named = {"storageId": self.storage_id} if self.storage_id else {}
        parameters.check_path(self.ids | named)

    @property
    def place(self) -> Place:
        """The item, or what it lies below."""
        return Place(
            account_id=self.ids["accountId"],
            subscription_id=self.ids["subscriptionId"],
            storage_id=self.storage_id,
        )

    @property
    def expected(self) -> str | None:
        """The etag that the current item must have, from the If-Match header."""
        return self.http.headers.get("If-Match") or None

    def get(self) -> HttpResponse:
        """Return the item, or list those below."""
        if not self.lists:
            return answer(storage.get(place=self.place))
        if self.query.count < 0:
            raise BadRequest(f"The limit value '{self.query.count}' is invalid; must be a positive number")
        return answer(storage.list_items(place=self.place, count=self.query.count, next_token=self.query.said("next")))

    def put(self) -> HttpResponse:
        """Write the item."""
        body: ItemBody = self.body
        if body.content is None or body.content is False or body.content in ("", 0):
            raise BadRequest(f"No data was provided for '{self.storage_id}'")
        header = self.expected
        if header and body.etag and header != body.etag:
            raise BadRequest(
                f"The etag in the body '{body.etag}' does not match the etag in the If-Match header '{header}'"
            )
        return answer(
            storage.put(
                place=self.place,
                content=body.content,
                expected=header or body.etag or None,
                tags=body.tags,
                expires=body.expires,
            )
        )

    def delete(self) -> HttpResponse:
        """Delete the item, or everything below."""
        if not self.lists:
            storage.remove(place=self.place, expected=self.expected)
        elif self.http.path_info.rstrip("/").endswith("*"):
            storage.remove_below(place=self.place)
        else:
            raise NotFound
        return nothing()
