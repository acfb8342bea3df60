"""Path and query parameters: decoding, patterns, and the list of what a query may say (contract 1.2, 1.3)."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import AfterValidator, Field

from fusebit_platform import resources
from fusebit_platform.errors import BadRequest
from fusebit_platform.models import NAME_BYTES
from fusebit_platform.validation import (
    MAX_TEXT_BYTES,
    AccountId,
    BoundaryId,
    FunctionId,
    Shape,
    SubscriptionId,
    Text,
    matching,
    validate,
    whole,
    within,
)

BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
MAX_PARAMETERS = 200


class PathParameters(Shape):
    """The parameters of all routes in the order in which they are checked."""

    account_id: AccountId = ""
    issuer_id: Annotated[str, matching(resources.ISSUER_ID, limit=NAME_BYTES)] = ""
    client_id: Annotated[str, matching(resources.CLIENT_ID)] = ""
    user_id: Annotated[str, matching(resources.USER_ID)] = ""
    init_id: Annotated[str, matching(resources.INIT_ID)] = ""
    subscription_id: SubscriptionId = ""
    boundary_id: BoundaryId = ""
    function_id: FunctionId = ""
    task_id: Annotated[str, matching(resources.TASK_ID)] = ""
    registry_id: Literal["default"] = "default"
    storage_id: Annotated[str, matching(resources.STORAGE_ID)] = ""
    build_id: Text = ""
    run_id: Text = ""
    query_id: Text = ""
    key: Text = ""


def decode(raw: dict[str, str]) -> dict[str, str]:
    """Percent-decode each parameter once."""
    return {name: _decoded(value) for name, value in raw.items()}


def _decoded(value: str) -> str:
    shown = value.encode("latin-1", "replace").decode("ascii", "replace")
    if "%" in value and BROKEN_ESCAPE.search(value):
        raise BadRequest(f"Failed to decode param '{shown}'")
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"Failed to decode param '{shown}'") from None


def check_path(parameters: dict[str, str]) -> None:
    """Raise BadRequest at the first parameter that breaks its pattern."""
    validate(PathParameters, parameters)


def read_query(raw: str) -> dict[str, Any]:
    """Return the parameters of a raw query; one that is repeated becomes a list."""
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="replace")
    except ValueError:
        raise BadRequest("Too many query parameters") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        plain = name.partition("[")[0] or name
        if plain in {"", "__proto__"}:
            continue  # as Express reads them: they name nothing
        if plain in found or plain != name:
            found[plain] = [*_as_list(found.get(plain, [])), value]
        else:
            found[plain] = value
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _searches(value: Any) -> list[str]:
    return [within(2000)(part) for part in _as_list(value)]


class ManagementQuery(Shape):
    """What lists may be asked; handlers ignore what does not concern them."""

    next: Text = ""
    count: Annotated[int, whole()] = 0
    name: Text = ""
    email: Text = ""
    issuer_id: Text = ""
    subject: Text = ""
    include: Literal["all", "cache"] | None = None
    cron: Literal["true", "false", "1", "0"] | None = None
    search: Annotated[Any, AfterValidator(_searches)] = ()
    action: Text = ""
    resource: Text = ""
    since: Annotated[str, Field(alias="from"), AfterValidator(within(MAX_TEXT_BYTES))] = ""
    to: Text = ""

    def said(self, name: str) -> Any:
        """Return the parameter, or None when the query does not contain it."""
        return getattr(self, name) if name in self.model_fields_set else None


def raw_values(raw: str, name: str) -> list[str]:
    """Return the values of every parameter `name` as they are in the raw query, still encoded."""
    pairs = (part.partition("=") for part in raw.split("&"))
    return [value for key, _equals, value in pairs if key in {name, f"{name}[]"} and value]
