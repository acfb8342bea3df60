"""The permissions inside a specification: rendered at PUT, and capped by who PUTs (contract 3.6, 5.6)."""

from collections.abc import Iterator, Mapping
from typing import Any

from fusebit_platform import resources
from fusebit_platform.authentication import Caller, Check
from fusebit_platform.authorization import permits
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import audit, mustache

UNREADABLE = "Unable to parse function permissions: "


def render(security: Mapping[str, Any], routes: list[dict[str, Any]], view: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{security, routes}` with every resource rendered; raise BadRequest when one cannot be."""
    rendered = []
    for route in routes:
        own = {"security": _rendered(route["security"], view)} if "security" in route else {}
        rendered.append({**route, **own})
    return {"security": _rendered(security, view), "routes": rendered}


def _rendered(security: Mapping[str, Any], view: Mapping[str, Any]) -> dict[str, Any]:
    answer = dict(security)
    if "authorization" in security:
        answer["authorization"] = [_entry(entry, view) for entry in security["authorization"]]
    if "functionPermissions" in security:
        allow = security["functionPermissions"].get("allow")
        if allow is None:
            raise BadRequest(f"{UNREADABLE}allow is missing")
        answer["functionPermissions"] = {"allow": [_entry(entry, view) for entry in allow]}
    return answer


def _entry(entry: Mapping[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    if "resource" not in entry:
        raise BadRequest(f"{UNREADABLE}resource is missing")
    try:
        return {**entry, "resource": mustache.render(entry["resource"], view)}
    except mustache.TemplateError as error:
        raise BadRequest(f"{UNREADABLE}{error}") from None


def ensure_within(*, caller: Caller, rendered: Mapping[str, Any]) -> None:
    """Raise BadRequest unless the caller holds everything the function would be given; record each decision."""
    checks: list[Check] = []
    refused = None
    for entry in _function_permissions(rendered):
        action, resource = entry.get("action", ""), entry["resource"]
        allowed = permits(caller.access, action, resource)
        checks.append(Check(action, resources.normalize(resource), allowed))
        if not allowed:
            refused = f"perform action '{action}' on resource '{resource}'"
            break
    audit.record(caller, checks)
    if refused:
        raise BadRequest(
            f"Requested function permissions cannot exceed caller's permissions: The {caller.kind} "
            f"'{caller.agent_id}' is not authorized to {refused}"
        )


def _function_permissions(rendered: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    for security in (rendered["security"], *(route.get("security", {}) for route in rendered["routes"])):
        yield from security.get("functionPermissions", {}).get("allow", ())
