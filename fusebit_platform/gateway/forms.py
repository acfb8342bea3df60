"""Read query strings and urlencoded bodies as Express does: `a[b]=1`, `a[]=1&a[]=2`, `a=1&a=2`, and all at once."""

import re
from itertools import islice
from urllib.parse import unquote_plus

from fusebit_platform.gateway.refusals import Refusal

MAX_PARAMETERS = 1000
MAX_INDEX = 20  # of a query; a larger one is a name
BODY_MAX_INDEX = 100
QUERY_DEPTH = 5
BODY_DEPTH = 32
PROTOTYPE = frozenset({"__proto__", "[__proto__]"})
SEGMENT = re.compile(r"\[([^\[\]]*)\]")
INDEX = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)

Value = str | bool | list["Value"] | dict[str, "Value"]


class Row:
    """A list in the making: values by index, some of which may never come."""

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}
        self.end = 0

    def put(self, index: int, part: "Part") -> None:
        """Put a value at its place."""
        self.parts[index] = part
        self.end = max(self.end, index + 1)

    def add(self, part: "Part") -> None:
        """Put a value, or all of a row with its gaps, at the end."""
        if not isinstance(part, Row):
            self.put(self.end, part)
            return
        end = self.end
        for index, one in part.parts.items():
            self.put(end + index, one)


Part = str | bool | Row | dict[str, "Part"]


def parse_query(text: str) -> dict[str, Value]:
    """Return the parameters of a raw query; what is past 1000 is ignored."""
    if not text:
        return {}
    return _parse(text.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS], QUERY_DEPTH, MAX_INDEX)


def parse_body(text: str) -> dict[str, Value]:
    """Return the parameters of an urlencoded body; raise Refusal 413 for more than 1000."""
    parts = text.split("&", MAX_PARAMETERS)
    if len(parts) > MAX_PARAMETERS:
        raise Refusal(413, "too many parameters")
    return _parse(parts, BODY_DEPTH, max(BODY_MAX_INDEX, len(parts)))


def _parse(parts: list[str], depth: int, max_index: int) -> dict[str, Value]:
    values = _values(parts)
    root: Part = {}
    for name in sorted(values, key=lambda name: (0, int(name)) if INDEX.fullmatch(name) else (1, 0)):
        path = _path(name, depth)
        if path and PROTOTYPE.isdisjoint(path):
            root = _merged(root, _nested(path, values[name], max_index))
    return {key: _finished(part) for key, part in root.items()} if isinstance(root, dict) else {}


def _values(parts: list[str]) -> dict[str, "Part"]:
    """Return what each name was given, in the order of names; a repeated one has a row."""
    values: dict[str, Part] = {}
    for part in parts:
        closing = part.find("]=")
        at = part.find("=") if closing < 0 else closing + 1
        name, text = (part, "") if at < 0 else (part[:at], part[at + 1 :])
        name, value = unquote_plus(name), unquote_plus(text)
        known = values.get(name)
        if isinstance(known, Row):
            known.add(value)
        else:
            values[name] = value if known is None else _row(known, value)
    return values


def _row(*parts: "Part") -> Row:
    row = Row()
    for part in parts:
        row.add(part)
    return row


def _path(name: str, depth: int) -> list[str | None]:
    """Return the keys that a name leads through; None stands for empty brackets."""
    segments = list(islice(SEGMENT.finditer(name), depth + 1))
    first = name[: segments[0].start()] if segments else name
    keys: list[str | None] = [first] if first else []
    keys += [f"[{found[1]}]" if found[1] else None for found in segments[:depth]]
    if len(segments) > depth:
        keys.append(f"[{name[segments[depth].start() :]}]")  # deeper than allowed: the rest is one literal key
    return keys


def _nested(path: list[str | None], value: "Part", max_index: int) -> "Part":
    for key in reversed(path):
        if key is None:
            value = _row(value)
            continue
        inner = key[1:-1] if key.startswith("[") and key.endswith("]") else key
        if inner is not key and INDEX.fullmatch(inner) and int(inner) <= max_index:
            row = Row()
            row.put(int(inner), value)
            value = row
        else:
            value = {inner: value}
    return value


def _merged(target: "Part", source: "Part") -> "Part":
    """Return what two parameters say together of one name; the later one never takes anything away."""
    if source == "":
        return target
    if isinstance(target, Row) and isinstance(source, Row):
        return _with_row(target, source)
    if not isinstance(source, Row | dict):
        return _with_text(target, str(source))
    if not isinstance(target, Row | dict):
        return _row(target, source)
    whole = target if isinstance(target, dict) else _named(target)
    for name, part in (source if isinstance(source, dict) else _named(source)).items():
        whole[name] = _merged(whole[name], part) if name in whole else part
    return whole


def _named(row: Row) -> dict[str, "Part"]:
    return {str(index): part for index, part in row.parts.items()}


def _with_text(target: "Part", text: str) -> "Part":
    if isinstance(target, Row):
        target.add(text)
        return target
    if isinstance(target, dict):
        target[text] = True
        return target
    return _row(target, text)


def _with_row(target: Row, source: Row) -> Row:
    for index, part in source.parts.items():
        known = target.parts.get(index)
        if known is None:
            target.put(index, part)
        elif isinstance(known, Row | dict) and isinstance(part, Row | dict):
            target.parts[index] = _merged(known, part)
        else:
            target.put(target.end, part)
    return target


def _finished(part: "Part") -> Value:
    if isinstance(part, Row):
        return [_finished(part.parts[index]) for index in sorted(part.parts)]
    if isinstance(part, dict):
        return {key: _finished(inner) for key, inner in part.items()}
    return part
