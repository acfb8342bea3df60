"""Plain configuration and secrets of a function, changed key by key; each change is a version of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from tenants.errors import InvalidInput, StaleVersion
from tenants.models import Function, FunctionVersion
from tenants.services import audit, functions, origins, secrets, settings_names

SHORTEST_SECRET = 4  # shorter ones could not be masked without masking half of every log line
LONGEST_VALUE = 8_000
MOST_NAMES = 100
ATTEMPTS = 5

Changes = Mapping[str, str | None]


@dataclass(frozen=True)
class Pending:
    """What differs between the version that answers and the latest one."""

    live: int | None
    latest: int
    names: tuple[str, ...]


def patch(
    *, function: Function, author: User, plain: Changes | None = None, secret: Changes | None = None, message: str = ""
) -> FunctionVersion:
    """Set the names with a value and remove those with None; every other name stays as it is.

    Return the version that has the change, which is the latest one where nothing was to change. What somebody else
    saves at the same time is kept: the change is made again on top. Raise InvalidInput.
    """
    plain, secret = plain or {}, secret or {}
    _check_values(plain, secret)
    for attempt in range(ATTEMPTS):
        try:
            return _patch_once(function, author, plain, secret, message)
        except StaleVersion:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError  # the loop returns or raises


def pending(function: Function) -> Pending | None:
    """Return what waits to be applied; None when the version that answers has it all, or nothing answers."""
    latest, live = function.latest, function.deployment.live_version
    if live is None or live.pk == latest.pk:
        return None
    names = {
        name
        for old, new in ((live.configuration, latest.configuration), (live.secrets, latest.secrets))
        for name in {*old, *new}
        if old.get(name) != new.get(name)
    }
    return Pending(live.number, latest.number, tuple(sorted(names))) if names else None


def _patch_once(function: Function, author: User, plain: Changes, secret: Changes, message: str) -> FunctionVersion:
    with transaction.atomic():
        latest = function.latest
        configuration = _merged(latest.configuration, plain)
        _check_names(configuration, {**latest.secrets, **secret}, secret)
        kept = dict(latest.secrets)
        for name, value in secret.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = str(secrets.keep(function=function, name=name, value=value, author=author).pk)
        if configuration == latest.configuration and kept == latest.secrets:
            return latest
        change = functions.Change(
            files=latest.files,
            message=message or _told(plain, secret),
            configuration=configuration,
            secrets=kept,
        )
        version = functions.save(function=function, change=change, base_version=latest.number, author=author)
        audit.record(
            action="configuration.changed",
            tenant=function.tenant,
            actor=author,
            target=function.name,
            version=version.number,
            names=sorted({*plain, *secret}),
        )
        return version


def _merged(old: Mapping[str, str], changes: Changes) -> dict[str, str]:
    merged = {**old, **{name: value for name, value in changes.items() if value is not None}}
    return {name: value for name, value in merged.items() if name not in changes or changes[name] is not None}


def _check_values(plain: Changes, secret: Changes) -> None:
    for changes in (plain, secret):
        for name, value in changes.items():
            settings_names.check(name, field=name)
            if value is not None:
                _check_value(name, value, is_secret=changes is secret)


def _check_value(name: str, value: str, *, is_secret: bool) -> None:
    if len(value) > LONGEST_VALUE:
        raise InvalidInput(f"{name} is longer than {LONGEST_VALUE} characters.", field=name)
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidInput(f"{name} is not text.", field=name)
    if name == origins.NAME and is_secret:
        raise InvalidInput(f"{name} is the CORS list of the settings, which is no secret.", field=name)
    if name == origins.NAME:
        origins.check(value)
    if is_secret and len(value.strip()) < SHORTEST_SECRET:
        raise InvalidInput(f"{name} is shorter than {SHORTEST_SECRET} characters, too short to be masked.", field=name)


def _check_names(plain: Mapping[str, str], secret: Changes, wanted: Changes) -> None:
    present = {name for name in secret if wanted.get(name, "kept") is not None}
    if both := sorted(present & plain.keys()):
        raise InvalidInput(f"{both[0]} cannot be both a plain value and a secret: remove one first.", field=both[0])
    if len(present) + len(plain) > MOST_NAMES:
        raise InvalidInput(f"A function has at most {MOST_NAMES} configuration values and secrets.")


def _told(plain: Changes, secret: Changes) -> str:
    """Return what was done, in names only."""
    parts = [
        f"{verb} {kind} {', '.join(names)}"
        for kind, changes in (("", plain), ("secret", secret))
        for verb, names in (
            ("Set", [name for name, value in changes.items() if value is not None]),
            ("Removed", [name for name, value in changes.items() if value is None]),
        )
        if names
    ]
    return "; ".join(" ".join(part.split()) for part in parts)[:300]
