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
