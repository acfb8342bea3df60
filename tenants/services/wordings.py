"""What a function's security, routes, schedule and limits say, in words (contract 5.1, 5.2, 6.2)."""

from collections.abc import Mapping
from typing import Any

ANYBODY = "Anybody who knows the URL may call it."
OPTIONAL = "Anybody may call it; a token is looked at when there is one."
TOKEN = "Callers need a token"  # noqa: S105 (a sentence)
DEFAULT_MEMORY, DEFAULT_TIMEOUT = 128, 30
MINE = "/function/{{functionId}}/"


def callers(security: Mapping[str, Any]) -> str:
    """Say who may call; nothing said means everybody."""
    mode = str(security.get("authentication") or "none")
    if mode == "none":
        return ANYBODY
    rules = "; ".join(statement(entry) for entry in security.get("authorization") or [])
    if mode == "optional":
        return f"{OPTIONAL} A token must hold: {rules}." if rules else OPTIONAL
    return f"{TOKEN} that may {rules}." if rules else f"{TOKEN} of anybody in the account."


def grants(security: Mapping[str, Any]) -> str:
    """Say what the running code itself is allowed to do at Fusebit."""
    permissions = security.get("functionPermissions") or {}
    entries = permissions.get("allow") if isinstance(permissions, Mapping) else None
    return "; ".join(statement(entry) for entry in entries or []) or "Nothing at Fusebit."


def statement(entry: Mapping[str, Any]) -> str:
    """Say one entry of an allow list."""
    action, resource = str(entry.get("action", "")), str(entry.get("resource", ""))
    if resource.endswith(MINE):
        return f"do {action} on this function"
    return f"do {action} on {resource}"


def schedule(chosen: Mapping[str, Any]) -> str:
    """Say when the function runs by itself."""
    if not chosen.get("cron"):
        return "Runs only when it is called."
    return f"Runs by itself at {chosen['cron']} ({chosen.get('timezone') or 'UTC'})."


def limits(compute: Mapping[str, Any]) -> str:
    """Say how much a call may use; what is not said has Fusebit's own value."""
    memory = compute.get("memorySize", DEFAULT_MEMORY)
    seconds = compute.get("timeout", DEFAULT_TIMEOUT)
    return f"{memory} MB of memory, {seconds} s for each call."


def route(entry: Mapping[str, Any]) -> str:
    """Say what is special about one route."""
    rules = callers(entry["security"]) if entry.get("security") else "Same callers as the function."
    return f"{rules} POST starts a task." if entry.get("task") is not None else rules
