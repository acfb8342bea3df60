"""Functions and their versions: create, save, deploy, delete."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tenants.errors import InvalidInput, NameTaken, QuotaReached, StaleVersion
from tenants.models import Deployment, Function, FunctionVersion, State, Tenant
from tenants.services import audit, call_tokens, deployments, origins, settings_names, starters

NAME = re.compile(r"[A-Za-z0-9-]{1,64}")  # contract 1.2
FILE_PART = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9_@+. -]{0,99}")
RESERVED_PARTS = frozenset({"node_modules", "__proto__", "constructor", "prototype", "package-lock.json", origins.FILE})
CONFIGURATION_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON has it, not the six letters
MAX_FILES = 100
MAX_BYTES = 400_000  # Fusebit takes 500 KB for the whole specification (contract 1.6)
SETTINGS = ("configuration", "secrets", "compute", "schedule", "security", "routes")


@dataclass(frozen=True)
class Change:
    """What a save wants: `files` as {path: text}; settings left at None stay as they are in the base version."""

    files: dict[str, str]
    message: str = ""
    configuration: dict[str, str] | None = None
    secrets: dict[str, str] | None = None  # {NAME: id}, see services.secrets
    compute: dict[str, Any] | None = None
    schedule: dict[str, str] | None = None
    security: dict[str, Any] | None = None
    routes: list[dict[str, Any]] | None = None


def create(*, tenant: Tenant, name: str, starter: starters.Starter, author: User) -> Function:
    """Create a function with its first version; raise InvalidInput, NameTaken or QuotaReached."""
    if not NAME.fullmatch(name):
        raise InvalidInput("Use 1 to 64 letters, digits and hyphens.", field="name")
    check_files(starter.files)
    named = replace(starter, name=name)
    _check_settings(named)
    try:
        with transaction.atomic():
            _check_quota(tenant)
            return found(tenant=tenant, starter=named, author=author)
    except IntegrityError:
        raise NameTaken(f"There is a function called {name} already.") from None


def _check_quota(tenant: Tenant) -> None:
    """Raise QuotaReached when there is room for no more; two at the same moment come one after the other."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    most = int(settings.MAX_FUNCTIONS_PER_TENANT)
    if tenant.functions.filter(deleted_at=None).count() >= most:
        raise QuotaReached(
            f"This workspace has {most} functions, as many as it may: delete one, or ask the operator for more."
        )


def found(*, tenant: Tenant, starter: starters.Starter, author: User) -> Function:
    """Write a function, its first version and its deployment; call it inside a transaction."""
    function = Function.objects.create(
        tenant=tenant, name=starter.name, description=starter.description[:300], tags=list(starter.tags)
    )
    version = FunctionVersion.objects.create(
        function=function,
        number=1,
        files=starter.files,
        configuration=starter.configuration,
        compute=starter.compute,
        schedule=starter.schedule,
        security=starter.security,
        routes=starter.routes,
        message=starter.message,
        author=author,
    )
    Deployment.objects.create(function=function, version=version, requested_by=author)
    audit.record(action="function.created", tenant=tenant, actor=author, target=function.name, version=1)
    return function


def save(*, function: Function, change: Change, base_version: int, author: User) -> FunctionVersion:
    """Write the next version over `base_version`.

    Raise InvalidInput when a file cannot be kept, StaleVersion when somebody saved after `base_version`.
    """
    check_files(change.files)
    _check_settings(change)
    try:
        with transaction.atomic():
            latest = function.latest
            if latest.number != base_version:
                raise _stale(latest.number)
            version = FunctionVersion.objects.create(
                function=function,
                number=latest.number + 1,
                files=change.files,
                message=change.message[:300],
                author=author,
                **{name: _chosen(getattr(change, name), getattr(latest, name)) for name in SETTINGS},
            )
            audit.record(
                action="function.saved",
                tenant=function.tenant,
                actor=author,
                target=function.name,
                version=version.number,
            )
            return version
    except IntegrityError:
        raise _stale(function.latest.number) from None


def _chosen(wanted: Any, kept: Any) -> Any:
    return kept if wanted is None else wanted


def _stale(current: int) -> StaleVersion:
    return StaleVersion(
        f"Somebody saved version {current} while you were editing. Nothing of yours is lost.", current=current
    )


def deploy(*, function: Function, version: FunctionVersion, author: User) -> Deployment:
    """Want `version` to answer, try at once, and return the deployment as it stands afterwards."""
    with transaction.atomic():
        Deployment.objects.filter(function=function).want(version=version, requested_by=author)
        audit.record(
            action="function.deployed",
            tenant=function.tenant,
            actor=author,
            target=function.name,
            version=version.number,
        )
    return deployments.advance(row=Deployment.objects.get(function=function))


def describe(*, function: Function, description: str, tags: list[str], keeps_bodies: bool, author: User) -> None:
    """Change what is said about the function and what is kept of its calls; no version has a part in it."""
    with transaction.atomic():
        Function.objects.filter(pk=function.pk).update(
            description=description, tags=sorted(set(tags)), keeps_bodies=keeps_bodies
        )
        audit.record(
            action="function.described",
            tenant=function.tenant,
            actor=author,
            target=function.name,
            keeps_bodies=keeps_bodies,
        )


def delete(*, function: Function, author: User) -> Deployment:
    """Want the function gone, try at once; its name is free again when Fusebit has let go of it."""
    with transaction.atomic():
        Deployment.objects.filter(function=function).want(State.DELETING, absent=True, requested_by=author)
        call_tokens.revoke_all(function=function)
        audit.record(action="function.deleted", tenant=function.tenant, actor=author, target=function.name)
    return deployments.advance(row=Deployment.objects.get(function=function))


def retry_deployments(*, tenant: Tenant) -> None:
    """Have the tenant's deployments that are not in order looked at as soon as possible."""
    rows = Deployment.objects.filter(function__tenant=tenant)
    rows.filter(state__in=[State.RETRY, State.BLOCKED]).want()
    rows.filter(state__in=[State.PENDING, State.DELETING]).make_due()


def check_files(files: dict[str, str]) -> None:
    """Raise InvalidInput unless every path and the total size can be kept, and index.js is there."""
    if not files.get("index.js", "").strip():
        raise InvalidInput("There must be an index.js, and it must not be empty.", field="index.js")
    if len(files) > MAX_FILES:
        raise InvalidInput(f"A function has at most {MAX_FILES} files.")
    if len({path.lower() for path in files}) != len(files):
        raise InvalidInput("Two files differ only in upper and lower case.")
    if sum(len(text.encode("utf-8", "surrogatepass")) for text in files.values()) > MAX_BYTES:
        raise InvalidInput(f"All files together may have {MAX_BYTES // 1000} KB.")
    for path, text in files.items():
        _check_file(path, text)


def _check_settings(change: Change | starters.Starter) -> None:
    """Raise InvalidInput for names and values that could not travel to Fusebit."""
    for name in change.configuration or ():
        if not CONFIGURATION_NAME.fullmatch(name):
            raise InvalidInput(f"{name[:60]!r} cannot be the name of a configuration value.", field="configuration")
        if settings_names.is_reserved(name):
            raise InvalidInput(f"{name} is reserved: it would change how Node.js itself runs.", field="configuration")
    for field_name in SETTINGS:
        try:
            text = json.dumps(getattr(change, field_name, None), ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError):
            raise InvalidInput("This has values that cannot be sent.", field=field_name) from None
        if NUL.search(text):  # PostgreSQL keeps no text with it
            raise InvalidInput("This has a character that cannot be kept: NUL.", field=field_name)


def _check_file(path: str, text: str) -> None:
    parts = path.split("/")
    allowed = all(FILE_PART.fullmatch(part) and part not in RESERVED_PARTS for part in parts)
    if not allowed or len(parts) > 8 or len(path) > 200:
        raise InvalidInput(f"{path[:60]!r} cannot be the name of a file.", field=path)
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"{path} is not text.", field=path)
    if path == "package.json":
        _check_package(text)


def _check_package(text: str) -> None:
    try:
        package = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"package.json is not JSON: {error}.", field="package.json") from None
    if not isinstance(package, dict):
        raise InvalidInput("package.json must be a JSON object.", field="package.json")
