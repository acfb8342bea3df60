"""The tags of a function: what GET and lists show of it, and what `search` looks through (contract 5.6)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from fusebit_platform.authorization import Statement

SERVER_VERSION = "1.41.1"
NUMERIC = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{1,15})?|\.[0-9]{1,15})(e[+-]?[0-9]{1,2})?", re.ASCII | re.IGNORECASE)
LITERALS = {"true": True, "false": False, "null": None}
Tags = dict[str, Any]


def of_function(ids: Mapping[str, str], specification: Mapping[str, Any], version: int) -> Tags:
    """Return the tags that need no rendered resources: ids, compute, dependencies, versions, metadata, cron."""
    tags: Tags = {f"fusebit.{name}": value for name, value in ids.items()}
    tags |= {f"compute.{name}": value for name, value in specification["compute"].items() if _is_scalar(value)}
    for name, dependency in specification.get("dependencies", {}).items():
        tags |= {f"dependency.{key}.{name}": dependency[key] for key in ("version", "registry", "semver")}
    tags |= {"environment.api": SERVER_VERSION, "environment.function": version}
    metadata = specification.get("metadata", {})
    template = metadata.get("template")
    if isinstance(template, dict):
        named = {"id": "id", "version": "version", "managerUrl": "managerurl"}
        tags |= {f"template.{tag}": template[key] for key, tag in named.items() if _is_scalar(template.get(key, {}))}
    own = metadata.get("tags")
    if isinstance(own, dict):
        tags |= {f"tag.{key}": value for key, value in own.items() if _is_scalar(value)}
    schedule = specification.get("schedule") or {}
    tags["cron"] = bool(schedule)
    if schedule:
        tags["cron.schedule"] = _compact(schedule)
    return tags


def of_security(rendered: Mapping[str, Any]) -> Tags:
    """Return the tags of security and routes, whose resources are rendered already."""
    security = rendered["security"]
    tags: Tags = {"security.authentication": security.get("authentication", "none")}
    if security.get("functionPermissions"):
        tags["security.permissions"] = _compact(security["functionPermissions"])
    if security.get("authorization"):
        tags["security.authorization"] = _compact(security["authorization"])
    if rendered["routes"]:
        tags["routes"] = _compact(rendered["routes"])
    return tags


def nested(tags: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted tags as nested objects, for templates."""
    view: dict[str, Any] = {}
    for name, value in tags.items():
        *parents, leaf = name.split(".")
        place = view
        for parent in parents:
            inner = place.get(parent)
            if not isinstance(inner, dict):
                inner = place[parent] = {}
            place = inner
        place[leaf] = value
    return view


def typed(value: Any) -> Any:
    """Return a tag value as the index holds it: texts that look like a literal or a number become one."""
    if not isinstance(value, str):
        return value
    if value in LITERALS:
        return LITERALS[value]
    if NUMERIC.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def listed(tags: Mapping[str, Any], runtime: str) -> Tags:
    """Return the tags as lists show and search them."""
    shown = {name: typed(value) for name, value in tags.items() if name == "cron" or "." in name}
    return {**shown, "compute.runtime": runtime}


def parse_search(raw_values: Iterable[str]) -> list[tuple[str, Any]]:
    """Read raw `search` parameters as (tag, wanted value), the value None when existence is enough.

    The first unencoded `=` divides name and value; both are percent-decoded afterwards.
    """
    wanted: list[tuple[str, Any]] = []
    for raw in raw_values:
        name, _equals, value = raw.replace("+", " ").partition("=")
        decoded = unquote(value)
        wanted.append((unquote(name), _Value(typed(decoded)) if decoded else None))
    return wanted


class _Value:
    """A wanted value; distinguishes the value null from no value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def equals(self, value: Any) -> bool:
        """Compare with type: true is not 1."""
        return isinstance(value, bool) == isinstance(self.value, bool) and value == self.value


def matches(tags: Mapping[str, Any], wanted: Iterable[tuple[str, Any]]) -> bool:
    """Tell whether the listed tags fulfil every wish."""
    return all(name in tags and (value is None or value.equals(tags[name])) for name, value in wanted)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def statements(entries: Iterable[Mapping[str, str]]) -> list[Statement]:
    """Return permission entries as statements."""
    return [Statement(entry.get("action", ""), entry.get("resource", "")) for entry in entries]
