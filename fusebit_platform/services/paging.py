"""Pages of lists: counts, opaque positions and how a page ends (contract 4.1)."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fusebit_platform.errors import BadRequest

DEFAULT = 25
MAXIMUM = 100

Row = TypeVar("Row")


def limit(count: int | None, *, default: int = DEFAULT) -> int:
    """Return how many items a page holds for the requested `count`."""
    if count is not None and count < 0:
        raise BadRequest(f"The limit value '{count}' is invalid; must be a positive number")
    return min(count or default, MAXIMUM)


def token(position: Any) -> str:
    """Return an opaque text for a position, safe in a URL without escaping."""
    text = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def position(text: str | None, kind: type[Row], message: str = "The next token '{}' is invalid") -> Row | None:
    """Return the position that `token` made a text of; raise BadRequest for anything else."""
    if text is None:
        return None
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        value = json.loads(content)
    except (ValueError, binascii.Error, RecursionError):
        value = None
    if not isinstance(value, kind) or isinstance(value, bool) or not _storable(value):
        raise BadRequest(message.format(text))
    return value


def _storable(value: Any) -> bool:
    if isinstance(value, int):
        return 0 <= value < 2**63
    if isinstance(value, list):
        return len(value) == 2 and all(isinstance(part, str) and _storable(part) for part in value)
    return isinstance(value, str) and "\0" not in value and value.isprintable()


def page(
    rows: Sequence[Row], size: int, render: Callable[[Row], dict[str, Any]], place: Callable[[Row], Any]
) -> dict[str, Any]:
    """Return `{items, next?}` of rows that were read one past the page's end."""
    answer: dict[str, Any] = {"items": [render(row) for row in rows[:size]]}
    if len(rows) > size:
        answer["next"] = token(place(rows[size - 1]))
    return answer
