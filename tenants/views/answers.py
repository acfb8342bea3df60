"""A function's answer made readable: always text, never markup."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tenants.services import bodies, invocations

SHOWN = 200_000  # characters; a longer body is cut and says so


@dataclass(frozen=True)
class Answer:
    """`body` is what to show; `kind` is json, text, binary or empty."""

    kind: str
    body: str
    is_cut: bool
    headers: list[tuple[str, str]]
    raw: str = ""  # as it came, where `body` is not that


def readable(outcome: invocations.Outcome) -> Answer:
    """Return what the function answered, JSON indented."""
    kind, text = _text(outcome.body)
    raw = outcome.body.decode("utf-8", "replace")[:SHOWN] if kind == "json" else ""
    return Answer(kind, text[:SHOWN], len(text) > SHOWN, outcome.headers, "" if raw == text else raw)


def of_kept(kept: bodies.Kept) -> Answer:
    """Return the answer of a call whose bodies are kept."""
    kind, text = _text(kept.body)
    return Answer(kind, text[:SHOWN], kept.is_cut or len(text) > SHOWN, kept.headers)


@dataclass(frozen=True)
class Sent:
    """A request as it was sent, made readable."""

    identity: str
    query: str
    headers: list[tuple[str, str]]
    kind: str
    body: str


def sent(request: dict[str, Any]) -> Sent:
    """Return the request of a call whose bodies are kept."""
    call = invocations.Call.from_json(request)
    kind, text = _text(call.body)
    return Sent(call.identity, urlencode(call.query), list(call.headers), kind, text[:SHOWN])


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
