"""Renders the `{{name}}` tags that resources in function permissions may contain (contract 5.6)."""

from collections.abc import Mapping
from typing import Any

from fusebit_platform.services import settings_text

ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#39;",
        "/": "&#x2F;",
        "`": "&#x60;",
        "=": "&#x3D;",
    }
)


class TemplateError(ValueError):
    """The template is not closed, or uses more than names."""


def render(template: str, view: Mapping[str, Any]) -> str:
    """Return `template` with its names replaced; two braces escape HTML, three do not, unknown names are empty."""
    parts: list[str] = []
    rest = template
    while True:
        text, opened, rest = rest.partition("{{")
        parts.append(text)
        if not opened:
            return "".join(parts)
        triple = rest.startswith("{")
        name, closed, rest = rest.removeprefix("{").partition("}}}" if triple else "}}")
        if not closed:
            raise TemplateError(f"Unclosed tag at {len(template)}")
        parts.append(_value(name.strip(), view, raw=triple))


def _value(name: str, view: Mapping[str, Any], *, raw: bool) -> str:
    if name.startswith("!"):
        return ""
    if name.startswith("&"):
        name, raw = name[1:].strip(), True
    if name[:1] in {"#", "^", "/", ">", "="}:
        raise TemplateError(f"Unsupported tag '{name}'")
    value = lookup(name, view)
    text = "" if value is None or isinstance(value, dict) else settings_text.string(value)
    return text if raw else text.translate(ESCAPES)


def lookup(name: str, view: Mapping[str, Any]) -> Any:
    """Return the value of a dotted name, or None."""
    found: Any = view
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
