"""What differs between two states of a function, beside its files: in words that a person can decide on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.models import FunctionVersion
from tenants.services import origins, wordings


@dataclass(frozen=True)
class Content:
    """What a version is made of, or what Fusebit says that it holds; empty where there is nothing yet."""

    files: dict[str, str] = field(default_factory=dict)
    configuration: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    compute: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, str] = field(default_factory=dict)
    security: dict[str, Any] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)


def of_version(version: FunctionVersion | None) -> Content:
    """Return the content of a version; of none, nothing."""
    if version is None:
        return Content()
    return Content(
        files=version.files,
        configuration=version.configuration,
        secrets=version.secrets,
        compute=version.compute,
        schedule=version.schedule,
        security=version.security,
        routes=version.routes,
    )


@dataclass(frozen=True)
class SettingChange:
    """`area` is what it is about, `before` and `after` are sentences; an empty one means that there was nothing."""

    area: str
    before: str
    after: str


def settings_between(old: Content, new: Content) -> list[SettingChange]:
    """Return what differs in configuration and secrets (names only), schedule, callers, routes and limits."""
    found = _names("Configuration", _unlisted(old.configuration), _unlisted(new.configuration))
    found += _names("Secret", old.secrets, new.secrets)
    said = (
        ("Schedule", wordings.schedule(old.schedule), wordings.schedule(new.schedule)),
        ("Who may call", wordings.callers(old.security), wordings.callers(new.security)),
        ("CORS list", origins.words(old.configuration), origins.words(new.configuration)),
        ("What the code may do", wordings.grants(old.security), wordings.grants(new.security)),
        ("Limits", wordings.limits(old.compute), wordings.limits(new.compute)),
    )
    found += [SettingChange(area, was, is_now) for area, was, is_now in said if was != is_now]
    return found + _routes(old.routes, new.routes)


def _unlisted(configuration: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in configuration.items() if name != origins.NAME}


def _names(area: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[SettingChange]:
    """Name what was added, changed and removed; values may be secret and are not shown."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            found.append(SettingChange(f"{area} {name}", "", "added"))
        elif name not in new:
            found.append(SettingChange(f"{area} {name}", "was set", "removed"))
        elif old[name] != new[name]:
            found.append(SettingChange(f"{area} {name}", "had another value", "changed"))
    return found


def _routes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[SettingChange]:
    was = {str(route.get("path", "")): wordings.route(route) for route in old}
    is_now = {str(route.get("path", "")): wordings.route(route) for route in new}
    return [
        SettingChange(f"Route {path}", was.get(path, ""), is_now.get(path, "removed"))
        for path in sorted(was.keys() | is_now.keys())
        if was.get(path) != is_now.get(path)
    ]
