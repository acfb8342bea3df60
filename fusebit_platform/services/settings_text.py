"""Keeps the serialised twins of compute, configuration and schedule: `key = value` lines (contract 5.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `key` is None for comments and whatever else is kept as it is."""

    text: str
    key: str | None = None
    value: str = ""
    value_at: int = 0

    def with_value(self, value: str) -> str:
        """Return the line with another value and the same spacing."""
        after = self.text[self.value_at + len(self.value) :]
        return f"{self.text[: self.value_at]}{value}{after}"


def read_line(text: str) -> Line:
    """Take a line apart in one pass."""
    before, equals, after = text.partition("=")
    key = before.strip()
    if not equals or not key or key.startswith("#"):
        return Line(text)
    value = after.strip()
    leading = len(after) - len(after.lstrip()) if value else 0
    return Line(text, key, value, len(before) + 1 + leading)


def parse(text: str) -> dict[str, str]:
    """Return the values of the lines, in their order; the last of equal keys wins."""
    lines = map(read_line, text.split("\n"))
    return {line.key: line.value for line in lines if line.key is not None}


def string(value: Any) -> str:
    """Return a value as JavaScript turns it into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value)


def write(values: Mapping[str, Any], base: str) -> str:
    """Return `base` changed so that it says exactly `values`, spacing and comments kept."""
    written: list[str] = []
    seen: set[str] = set()
    for line in map(read_line, base.split("\n") if base else []):
        if line.key is None:
            written.append(line.text)
        elif line.key in values:
            wanted = string(values[line.key])
            written.append(line.text if line.value == wanted else line.with_value(wanted))
            seen.add(line.key)
    written += [f"{key}={string(value)}" for key, value in values.items() if key not in seen]
    return "\n".join(written)


def reconcile(values: Mapping[str, Any] | None, text: str | None, previous: str) -> tuple[dict[str, Any], str]:
    """Return the structured values and their text, whichever of the two was given; values win (contract 5.4)."""
    if values is not None:
        return dict(values), write(values, previous if text is None else text)
    if text is not None:
        return dict(parse(text)), text
    return {}, ""
