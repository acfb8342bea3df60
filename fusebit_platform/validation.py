"""Declares the shapes of requests and reports the first mistake in the words of the contract (contract 1.3)."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from fusebit_platform import resources
from fusebit_platform.errors import BadRequest
from fusebit_platform.models import NAME_BYTES, RESOURCE_BYTES

CUSTOM = "contract"  # the type of our own errors: their message already is the contract's text
MAX_TEXT_BYTES = 500 * 1024  # the largest body of JSON
INTEGER = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})(e[+-]?[0-9]{1,2})?", re.ASCII | re.IGNORECASE)

TEXTS = {
    "missing": "is required",
    "extra_forbidden": "is not allowed",
    "string_type": "must be a string",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "datetime_type": "must be a valid ISO 8601 date",
}


class Shape(BaseModel):
    """A JSON object of the contract: camelCase keys in schema order, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)


AnyShape = TypeVar("AnyShape", bound=Shape)


def wrong(text: str) -> PydanticCustomError:
    """Return the error that ends a validator; `text` follows the quoted key."""
    return PydanticCustomError(CUSTOM, "{text}", {"text": text})


def wrong_at(key: object, text: str) -> PydanticCustomError:
    """Return an error about a member of the validated object, at its own path."""
    return PydanticCustomError(CUSTOM, "{text}", {"text": text, "at": key})


def validate(shape: type[AnyShape], value: object, prefix: str = "") -> AnyShape:
    """Return `value` as `shape`; raise BadRequest with the first mistake, its path below `prefix`."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise BadRequest(prefix + first_mistake(error)) from None


def first_mistake(error: ValidationError) -> str:
    """Return `<dotted path>: "<leaf>" <text>` for the first error."""
    details = error.errors(include_url=False)[0]
    location = details["loc"]
    if details["type"] == CUSTOM and "at" in details.get("ctx", {}):
        location = (*location, details["ctx"]["at"])
    leaf = location[-1] if location else "value"
    if details["type"] == CUSTOM and "duplicate" in str(details["ctx"]["text"]):
        leaf = location[-2]  # the array, not its member
    path = ".".join(str(part) for part in location)
    return f'{path}: "{leaf}" {_text(details)}'


def _text(details: ErrorDetails) -> str:
    if details["type"] == CUSTOM:
        return str(details["ctx"]["text"])
    if details["type"] == "literal_error":
        choices = str(details["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
        return f"must be one of [{choices}]"
    return TEXTS.get(details["type"], "is invalid")


def within(limit: int) -> Callable[[str], str]:
    """Return a validator for a text of at most `limit` bytes that a database column can hold."""

    def check(value: str) -> str:
        if not value:
            raise wrong("is not allowed to be empty")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise wrong("contains a character that can not be stored")
        if len(value) * 4 > limit and len(value.encode()) > limit:
            raise wrong(f"length must be less than or equal to {limit} characters long")
        return value

    return check


def matching(regex: str, *, limit: int = RESOURCE_BYTES) -> AfterValidator:
    """Return the check of a text against one of the patterns of `resources`."""
    compiled = re.compile(regex, re.ASCII)
    fits = within(limit)

    def check(value: str) -> str:
        fits(value)
        if compiled.fullmatch(value) is None or value.endswith("\n"):
            raise wrong(f'with value "{value}" fails to match the required pattern: /{regex}/')
        return value

    return AfterValidator(check)


def _integer(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise wrong("must be an integer")
    return int(number)


def _number(value: object) -> float:
    if isinstance(value, str):
        if INTEGER.fullmatch(value.strip()):
            return int(value)
        if NUMBER.fullmatch(value.strip()):
            return float(value)
        raise wrong("must be a number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong("must be a number")
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):
        raise wrong("must be a number")
    return value


def whole(minimum: int | None = None, maximum: int | None = None) -> BeforeValidator:
    """Return the check of a whole number between the bounds; texts of digits are taken as numbers."""

    def check(value: object) -> int:
        number = _integer(value)
        if minimum is not None and number < minimum:
            raise wrong(f"must be larger than or equal to {minimum}")
        if maximum is not None and number > maximum:
            raise wrong(f"must be less than or equal to {maximum}")
        return number

    return BeforeValidator(check)


def whole_or_null(minimum: int, maximum: int) -> BeforeValidator:
    """Return the check of a whole number between the bounds, or null."""

    def check(value: object) -> int | None:
        if value is None:
            return None
        number = _integer(value)
        if number < minimum:
            raise wrong(f"must be larger than or equal to {minimum}")
        if number > maximum:
            raise wrong(f"must be less than or equal to {maximum}")
        return number

    return BeforeValidator(check)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise wrong("must be a boolean")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong("must be an object")
    return value


def at_least(count: int) -> AfterValidator:
    """Return the check of an array's smallest length, made after its items were checked."""

    def check(value: list[Any]) -> list[Any]:
        if len(value) < count:
            raise wrong(f"must contain at least {count} items")
        return value

    return AfterValidator(check)


def at_most(count: int) -> AfterValidator:
    """Return the check of an array's greatest length, made after its items were checked."""

    def check(value: list[Any]) -> list[Any]:
        if len(value) > count:
            raise wrong(f"must contain less than or equal to {count} items")
        return value

    return AfterValidator(check)


def _forbidden(_value: object) -> None:
    raise wrong("is not allowed")


Forbidden = Annotated[Any, AfterValidator(_forbidden)]  # a known key that this form may not have
Text = Annotated[str, AfterValidator(within(MAX_TEXT_BYTES))]
Name = Annotated[str, AfterValidator(within(NAME_BYTES))]
Resource = Annotated[str, AfterValidator(within(RESOURCE_BYTES - 2))]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]

AccountId = Annotated[str, matching(resources.ACCOUNT_ID)]
SubscriptionId = Annotated[str, matching(resources.SUBSCRIPTION_ID)]
BoundaryId = Annotated[str, matching(resources.BOUNDARY_ID)]
FunctionId = Annotated[str, matching(resources.FUNCTION_ID)]
