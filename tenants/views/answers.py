"""A function's answer made readable: always text, never markup."""

import json
from dataclasses import dataclass

from tenants.services import invocations

SHOWN = 200_000  # characters; a longer body is cut and says so


@dataclass(frozen=True)
class Answer:
    """`body` is what to show; `kind` is json, text, binary or empty."""

    kind: str
    body: str
    is_cut: bool
    headers: list[tuple[str, str]]


def readable(outcome: invocations.Outcome) -> Answer:
    """Return what the function answered, JSON indented."""
    kind, text = _text(outcome.body)
    return Answer(kind, text[:SHOWN], len(text) > SHOWN, outcome.headers)


def _text(body: bytes) -> tuple[str, str]:
    if not body:
        return "empty", ""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "binary", ""
    if "\x00" in text:
        return "binary", ""
    try:
        return "json", json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "text", text


# Cause of a run (from the catalogue) → what happened, and what to do next.
CAUSES = {
    "code_error": ("The function failed.", "The body usually says where. Fix it, save, and run it again."),
    "timeout": ("The function took too long and was stopped.", "Look for a call that never answers, or do less."),
    "memory": ("The function used more memory than it may.", "Keep less in memory at once."),
    "build_failed": ("The version could not be built.", "Check package.json and the syntax of index.js."),
    "auth_missing": ("The call had no token.", "This function is closed; call it with a token."),
    "auth_denied": ("The call's token may not do this.", "Ask an owner which role you have in this workspace."),
    "rate_limited": ("Too many calls at once.", "Wait a moment and run it again."),
    "quota": ("The request is larger than it may be.", "Send a smaller body."),
    "egress_blocked": (
        "The function tried to reach an address that is not allowed.",
        "Only public hosts can be called.",
    ),
    "platform": ("The functions service did not answer as it should.", "Try again; if it stays, quote the reference."),
}


def explain(cause: str) -> tuple[str, str] | None:
    """Return what a cause means and what to do, None when all went well."""
    return CAUSES.get(cause, CAUSES["platform"]) if cause else None
