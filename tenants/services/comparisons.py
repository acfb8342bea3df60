"""What differs between two states of a function, beside its files: in words that a person can decide on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tenants.services import wordings


class Content(Protocol):
    """What a version is made of, or what Fusebit says that it holds."""

    files: Any
    configuration: Any
    compute: Any
    schedule: Any
    security: Any
    routes: Any


@dataclass(frozen=True)
class Nothing:
    """The state before there was anything."""

    files: Any
    configuration: Any
    compute: Any
    schedule: Any
    security: Any
    routes: Any


NOTHING = Nothing({}, {}, {}, {}, {}, [])


@dataclass(frozen=True)
class SettingChange:
    """`area` is what it is about, `before` and `after` are sentences; an empty one means that there was nothing."""

    area: str
    before: str
    after: str


def settings_between(before: Content | None, after: Content | None) -> list[SettingChange]:
    """Return what differs in configuration (names only), schedule, callers, routes and limits."""
    old, new = before or NOTHING, after or NOTHING
    found = _configuration(old.configuration or {}, new.configuration or {})
    for area, words in (
        ("Schedule", lambda one: wordings.schedule(one.schedule or {})),
        ("Who may call", lambda one: wordings.callers(one.security or {})),
        ("What the code may do", lambda one: wordings.grants(one.security or {})),
        ("Limits", lambda one: wordings.limits(one.compute or {})),
    ):
        was, is_now = words(old), words(new)
        if was != is_now:
            found.append(SettingChange(area, "" if before is None else was, is_now))
    return found + _routes(old.routes or [], new.routes or [])


def _configuration(old: Mapping[str, str], new: Mapping[str, str]) -> list[SettingChange]:
    """Name what was added, changed and removed; values may be secret and are not shown."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            found.append(SettingChange(f"Configuration {name}", "", "added"))
        elif name not in new:
            found.append(SettingChange(f"Configuration {name}", "was set", "removed"))
        elif old[name] != new[name]:
            found.append(SettingChange(f"Configuration {name}", "had another value", "changed"))
    return found


def _routes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[SettingChange]:
    was = {str(route.get("path", "")): wordings.route(route) for route in old}
    is_now = {str(route.get("path", "")): wordings.route(route) for route in new}
    return [
        SettingChange(f"Route {path}", was.get(path, ""), is_now.get(path, "removed"))
        for path in sorted(was.keys() | is_now.keys())
        if was.get(path) != is_now.get(path)
    ]


def files_differ(before: Content, after: Content) -> bool:
    """Tell whether any file is not the same."""
    return bool(before.files != after.files)
