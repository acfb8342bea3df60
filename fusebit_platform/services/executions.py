"""What the gateway needs to know to run a function: its files, who may call it, and its own token (contract 6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebit_platform import authentication, configuration, encodings, resources, routes
from fusebit_platform.authentication import ExcessivePermissions
from fusebit_platform.errors import SubscriptionMissing, Unauthorized
from fusebit_platform.generation import current as generation
from fusebit_platform.models import Function, Subscription
from fusebit_platform.policy import UNRESTRICTED, Policy
from fusebit_platform.services import accounts, audit, packages, policies, system_tokens, tasks
from fusebit_platform.services.functions import Address

EMAIL = "function+role@fusebit.io"
MEMORY_MB = (64, 3008)
TIMEOUT_S = (1, 900)
BACKGROUND_TOKEN_S = 30 * 60
ANONYMOUS = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Executable:
    """One version of a function, ready to run; `routes` and `security` have their resources rendered."""

    account_id: str
    subscription_id: str
    boundary_id: str
    function_id: str
    version_id: str
    files: dict[str, str | bytes]
    configuration: dict[str, str]
    memory_mb: int
    timeout_s: int
    security: dict[str, Any]
    routes: list[dict[str, Any]]
    base_url: str
    concurrency: int | None
    function_permissions: dict[str, Any] | None
    policy: Policy = UNRESTRICTED
    dependencies: Path | None = None  # its packages, built
    redirect_url: str = ""  # where its calls go instead


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs the function: what the call may do, and the token it came with; None and empty for anybody."""

    permissions: dict[str, Any] | None
    access_token: str | None
    issuer_id: str = ""
    subject: str = ""
    kid: str = ""
    audited: bool = False  # the decision leaves rows on the audit trail, so each call needs one of its own


NOBODY = Caller(None, None)


class CallRefused(Unauthorized):
    """A caller may not run the function; says for the run's record who it was and what was missing."""

    def __init__(self, cause: str, caller: Caller = NOBODY, missing: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.cause = cause
        self.caller = caller
        self.missing = missing


__all__ = [
    "NOBODY",
    "CallRefused",
    "Caller",
    "Executable",
    "authorise",
    "background_token",
    "concurrency",
    "find",
    "function_access_token",
    "generation",
    "schedule",
]


def find(subscription_id: str, boundary_id: str, function_id: str) -> Executable | None:
    """Return the function's newest version, or None."""
    names = {"boundary_id": boundary_id, "function_id": function_id}
    rows = Function.objects.select_related("subscription")
    function = rows.filter(subscription_id=subscription_id, **names).first()
    return None if function is None else _executable(function)


def concurrency(subscription_id: str) -> int | None:
    """Return how many calls of a subscription may run at once; raise SubscriptionMissing (contract 6.1)."""
    subscription = Subscription.objects.filter(pk=subscription_id).first()
    if subscription is None:
        raise SubscriptionMissing
    return _concurrency(subscription)


def _executable(function: Function) -> Executable:
    specification = json.loads(function.specification)
    rendered = json.loads(function.rendered)
    compute = specification["compute"]
    address = Address(
        account_id=function.subscription.account_id,
        subscription_id=function.subscription_id,
        boundary_id=function.boundary_id,
        function_id=function.function_id,
        base_url=configuration.current().base_url,
    )
    return Executable(
        account_id=address.account_id,
        subscription_id=address.subscription_id,
        boundary_id=address.boundary_id,
        function_id=address.function_id,
        version_id=f"{function.version}.{function.revision}",
        files=_files(specification["nodejs"]),
        configuration=specification["configuration"],
        memory_mb=_between(compute["memorySize"], *MEMORY_MB),
        timeout_s=_between(compute["timeout"], *TIMEOUT_S),
        security=rendered["security"],
        routes=rendered["routes"],
        base_url=address.location(),
        concurrency=_concurrency(function.subscription),
        redirect_url=function.redirect_url,
        dependencies=packages.ensure(specification.get("packages", "")),
        function_permissions=rendered["security"].get("functionPermissions"),
        policy=policies.of(function.subscription_id, function.boundary_id),
    )


def _between(value: int, lowest: int, highest: int) -> int:
    return max(lowest, min(value, highest))


def _concurrency(subscription: Subscription) -> int | None:
    limit = accounts.effective(subscription)["limits"].get("concurrency", -1)
    return int(limit) if isinstance(limit, int | float) and limit >= 0 else None


def _files(nodejs: Mapping[str, Any]) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        name: content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        for name, content in nodejs["files"].items()
    }
    encoded = nodejs.get("encodedFiles", {})
    return files | {name: encodings.decode(entry["data"], entry["encoding"]) for name, entry in encoded.items()}


def authorise(executable: Executable, authorization_header: str | None, path: str, method: str) -> Caller:
    """Return who calls; raise CallRefused when the function, or the route of `path`, does not let them.

    `path` is the raw rest of the URL, its query included (contract 6.2).
    """
    security = _security(executable, path, method)
    mode = security.get("authentication", ANONYMOUS)
    if mode == ANONYMOUS:
        return NOBODY
    token = authentication.bearer(authorization_header) or ""
    try:
        agent = authentication.authenticate(token, executable.account_id)
    except Unauthorized as error:
        if isinstance(error, ExcessivePermissions):
            audit.record(error.caller, error.caller.checks)
        if mode == "optional":
            return NOBODY
        raise _unauthenticated(error, token) from None
    needed = [(entry.get("action", ""), entry["resource"]) for entry in security.get("authorization", ())]
    caller = _caller(agent, token, audited=bool(needed or agent.checks))
    denied = audit.first_denied(agent, needed)
    if denied is not None:
        raise CallRefused("auth_denied", caller, denied)
    return caller


def _caller(agent: authentication.Caller, token: str, *, audited: bool = True) -> Caller:
    permissions = {"allow": [statement.as_json() for statement in agent.access]}
    return Caller(permissions, token, agent.issuer_id, agent.subject, agent.kid, audited)


def _unauthenticated(error: Unauthorized, token: str) -> CallRefused:
    if not token:
        return CallRefused("auth_missing")
    if not isinstance(error, ExcessivePermissions):
        return CallRefused("auth_denied")
    excess = error.caller.checks[-1]  # a right the token claims and its agent does not have
    return CallRefused("auth_denied", _caller(error.caller, token), (excess.action, excess.resource))


def _security(executable: Executable, path: str, method: str) -> dict[str, Any]:
    route = routes.find(executable.routes, path)
    if route is None or ("security" not in route and not ("task" in route and method == "POST")):
        return executable.security
    if "security" in route:
        return dict(route["security"])
    resource = resources.function_path(
        executable.account_id, executable.subscription_id, executable.boundary_id, executable.function_id
    )
    return {
        "authentication": "required",
        "authorization": [{"action": "function:schedule", "resource": resource}],
    }


def function_access_token(executable: Executable, path: str) -> str | None:
    """Return a token with the function's own permissions, or None when it has none (contract 6.4).

    `path` names the run; the permissions always come from the function, never from a route.
    """
    del path
    return _token(executable, executable.function_permissions, "exec", system_tokens.TOKEN_S)


def background_token(executable: Executable, permissions: Any, kind: str) -> str | None:
    """Return the token of a run that nobody called, or None when it has no permissions (contract 6.6, 6.7)."""
    return _token(executable, permissions, kind, BACKGROUND_TOKEN_S)


def _token(executable: Executable, permissions: Any, kind: str, lifetime_s: int) -> str | None:
    if not permissions:
        return None
    ids = (executable.account_id, executable.subscription_id, executable.boundary_id, executable.function_id)
    profile = {"accountId": ids[0], "subscriptionId": ids[1], "email": EMAIL}
    subject = f"uri:function:{':'.join(ids)}:{kind}"
    return system_tokens.mint(subject=subject, permissions=permissions, profile=profile, lifetime_s=lifetime_s)


def schedule(
    executable: Executable,
    route: Mapping[str, Any],
    members: Mapping[str, Any],
    *,
    not_before: str | None,
    received_ms: int,
    base_url: str,
) -> dict[str, Any]:
    """Keep a task of the function until it is due; return what the caller is told."""
    address = Address(
        account_id=executable.account_id,
        subscription_id=executable.subscription_id,
        boundary_id=executable.boundary_id,
        function_id=executable.function_id,
        base_url=base_url,
    )
    request = tasks.Request(route=route, members=members, not_before=not_before, received_ms=received_ms)
    return tasks.accept(address=address, request=request)
