"""What people type into a function's settings: who may call, routes, schedule, limits, and what is said about it."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tenants.errors import InvalidInput
from tenants.models import Function, FunctionVersion
from tenants.services import functions, origins, schedules, starters, wordings

CLOSED, ACCOUNT, OPTIONAL, PUBLIC, CUSTOM = "closed", "account", "optional", "public", "custom"
RULES: dict[str, dict[str, Any]] = {
    CLOSED: starters.CLOSED,
    ACCOUNT: {"authentication": "required"},
    OPTIONAL: {"authentication": "optional"},
    PUBLIC: {"authentication": "none"},
}
CALLERS = [
    (CLOSED, "Closed: a token that may execute this function"),
    (ACCOUNT, "Any token of the account"),
    (OPTIONAL, "Public, and a token is looked at when there is one"),
    (PUBLIC, "Public: anybody who knows the URL"),
]
SAME = "same"
ROUTE_RULES = [(SAME, "Same as the function"), *CALLERS]
ROUTE_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,199}")
BLANK_ROUTES = 2
TAG = re.compile(r"[\w-]{1,30}")
GRANT = re.compile(r"\S{1,100} /\S{0,400}")


def rule_of(security: dict[str, Any] | None) -> str:
    """Return the name of the rule that `security` is; `custom` for one that was made elsewhere."""
    bare = {key: value for key, value in (security or {}).items() if key != "functionPermissions"}
    return next((name for name, rule in RULES.items() if rule == (bare or RULES[PUBLIC])), CUSTOM)


class AboutForm(forms.Form):
    """What is said about the function, and what is kept of its calls."""

    description = forms.CharField(required=False, max_length=300)
    tags = forms.CharField(required=False, max_length=400)
    keeps_bodies = forms.BooleanField(required=False)

    @classmethod
    def of(cls, function: Function) -> "AboutForm":
        """Return the form as it is filled in now."""
        tags = " ".join(function.tags)
        return cls({"description": function.description, "tags": tags, "keeps_bodies": function.keeps_bodies})

    def clean_tags(self) -> list[str]:
        """Return the words, ten at most."""
        words = self.cleaned_data["tags"].replace(",", " ").split()
        if wrong := [word for word in words if not TAG.fullmatch(word)]:
            raise ValidationError(f"“{wrong[0][:40]}” cannot be a tag: use letters, digits and hyphens.")
        if len(set(words)) > 10:
            raise ValidationError("A function has at most ten tags.")
        return sorted(set(words))


class SettingsForm(forms.Form):
    """Everything that is part of a version beside its files, its configuration and its secrets."""

    base_version = forms.IntegerField(min_value=1, max_value=2_000_000_000)
    callers = forms.ChoiceField(choices=[*CALLERS, (CUSTOM, "As it is: made elsewhere")])
    grants = forms.CharField(required=False, max_length=8_000)
    cron = forms.CharField(required=False, max_length=100)
    timezone = forms.CharField(required=False, max_length=60)
    memory = forms.IntegerField(min_value=64, max_value=3008)
    timeout = forms.IntegerField(min_value=1, max_value=900)
    origins = forms.CharField(required=False, max_length=4_000)
    deploy = forms.BooleanField(required=False)

    @classmethod
    def initial_of(cls, version: FunctionVersion) -> dict[str, Any]:
        """Return what the form shows of a version."""
        security, compute = version.security or {}, version.compute or {}
        granted = (security.get("functionPermissions") or {}).get("allow") or []
        return {
            "base_version": version.number,
            "callers": rule_of(security),
            "grants": "\n".join(f"{entry.get('action', '')} {entry.get('resource', '')}" for entry in granted),
            "cron": version.schedule.get("cron", ""),
            "timezone": version.schedule.get("timezone", ""),
            "memory": compute.get("memorySize", wordings.DEFAULT_MEMORY),
            "timeout": compute.get("timeout", wordings.DEFAULT_TIMEOUT),
            "origins": "\n".join(version.configuration.get(origins.NAME, "").split(",")).strip(),
        }

    def clean_grants(self) -> list[dict[str, str]]:
        """Return `action resource` lines as statements."""
        lines = [line.strip() for line in self.cleaned_data["grants"].splitlines() if line.strip()]
        if wrong := [line for line in lines if not GRANT.fullmatch(line)]:
            raise ValidationError(f"Write an action and a resource, not “{wrong[0][:60]}”.")
        return [dict(zip(("action", "resource"), line.split(" ", 1), strict=True)) for line in lines]

    def clean_origins(self) -> list[str]:
        """Return one origin a line."""
        lines = [line.strip().rstrip("/").lower() for line in self.cleaned_data["origins"].splitlines() if line.strip()]
        if wrong := [line for line in lines if not origins.ORIGIN.fullmatch(line)]:
            raise ValidationError(f"“{wrong[0][:60]}” is not an origin: write https://shop.example.com.")
        return lines

    def clean(self) -> dict[str, Any]:
        """Check the schedule as a whole."""
        chosen = self.cleaned_data
        try:
            schedules.zone_of(chosen.get("timezone", ""))
            if chosen.get("cron"):
                schedules.next_runs(chosen["cron"], chosen.get("timezone", ""))
        except InvalidInput as error:
            self.add_error(error.field, error.message)
        if chosen.get("timezone") and not chosen.get("cron") and not self.errors:
            self.add_error("cron", "A time zone needs a schedule.")
        return chosen

    def change(self, version: FunctionVersion, routes: list[dict[str, Any]]) -> functions.Change:
        """Return what to save over `version`: its files and names, and these settings."""
        chosen = self.cleaned_data
        security = dict(version.security or {}) if chosen["callers"] == CUSTOM else dict(RULES[chosen["callers"]])
        security.pop("functionPermissions", None)
        if chosen["grants"]:
            security["functionPermissions"] = {"allow": chosen["grants"]}
        configuration = {name: value for name, value in version.configuration.items() if name != origins.NAME}
        if chosen["origins"]:
            configuration[origins.NAME] = ",".join(chosen["origins"])
        schedule = {"cron": chosen["cron"]} if chosen["cron"] else {}
        if chosen["timezone"]:
            schedule["timezone"] = chosen["timezone"]
        limits = {"memorySize": chosen["memory"], "timeout": chosen["timeout"]}
        return functions.Change(
            files=version.files,
            message="Settings",
            configuration=configuration,
            compute={**(version.compute or {}), **limits} if limits != DEFAULTS or version.compute else {},
            schedule=schedule,
            security={} if security == RULES[PUBLIC] else security,
            routes=routes,
        )


DEFAULTS = {"memorySize": wordings.DEFAULT_MEMORY, "timeout": wordings.DEFAULT_TIMEOUT}


class RouteForm(forms.Form):
    """One route: a path, who may call it, and whether a POST starts a task."""

    path = forms.CharField(required=False, max_length=200)
    rule = forms.ChoiceField(choices=[*ROUTE_RULES, (CUSTOM, "As it is: made elsewhere")], required=False)
    task = forms.BooleanField(required=False)

    def clean_path(self) -> str:
        """Return the path; an empty row is no route."""
        path = str(self.cleaned_data["path"])
        if path and not ROUTE_PATH.fullmatch(path):
            raise ValidationError("A path begins with / and has no blanks, for example /hook.")
        return path

    def route(self, before: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Return the route; what cannot be chosen here stays as it was `before` under the same path."""
        chosen = self.cleaned_data
        old = before.get(chosen["path"], {})
        route: dict[str, Any] = {"path": chosen["path"]}
        if chosen["rule"] == CUSTOM and old.get("security"):
            route["security"] = old["security"]
        elif chosen["rule"] in RULES:
            route["security"] = RULES[chosen["rule"]]
        if chosen["task"]:
            route["task"] = old.get("task") or {}
        return route


class BaseRoutes(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """All routes; the first one that fits a path counts, so each path is there once."""

    def clean(self) -> None:
        """Refuse a path that is there twice."""
        paths = [form.cleaned_data.get("path") for form in self.forms if form.is_valid()]
        given = [path for path in paths if path]
        if len(given) != len(set(given)):
            raise ValidationError("A path is there twice.")


RoutesForm = forms.formset_factory(
    RouteForm, formset=BaseRoutes, extra=BLANK_ROUTES, max_num=50, absolute_max=60, validate_max=True
)


def routes_from(rows: "forms.BaseFormSet[Any]", before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the routes that valid rows say, in order."""
    old = {str(route.get("path")): route for route in before}
    return [form.route(old) for form in rows.forms if form.cleaned_data.get("path")]


def routes_of(version: FunctionVersion) -> list[dict[str, Any]]:
    """Return what the rows show of a version."""
    return [
        {
            "path": route.get("path", ""),
            "rule": rule_of(route["security"]) if route.get("security") else SAME,
            "task": route.get("task") is not None,
        }
        for route in version.routes or []
    ]
