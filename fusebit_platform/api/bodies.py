"""Reads request bodies: size, media type, strict JSON (contract 1.6)."""

import json
from typing import Any

from django.http import HttpRequest
from pydantic_core import from_json

from fusebit_platform.errors import BadRequest, BodyTooLarge, UnsupportedMedia

KILOBYTE = 1024
DEFAULT_LIMIT = 100 * KILOBYTE
FUNCTION_LIMIT = 500 * KILOBYTE
STORAGE_LIMIT = 500 * KILOBYTE
READ_LIMIT = KILOBYTE * KILOBYTE  # what the server reads of any body at all
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
BLANKS = b" \t\n\r"


def read(request: HttpRequest, limit: int = DEFAULT_LIMIT) -> Any:
    """Return the JSON object or array of the body, `{}` when there is none or it is something else."""
    content = request.body
    if not content:
        return {}
    media, charset = _content_type(request)
    if media != "application/json":
        return {}
    if len(content) > limit:
        raise BodyTooLarge
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise UnsupportedMedia(f'unsupported content encoding "{encoding[:40]}"')
    if charset not in CHARSETS:
        raise UnsupportedMedia(f'unsupported charset "{charset[:40].upper()}"')
    return parse(content)


def parse(content: bytes) -> Any:
    """Return the value of strict JSON text; the top must be an object or an array."""
    stripped = content.lstrip(BLANKS)
    if stripped[:1] not in {b"{", b"["}:
        first = stripped[:1].decode("utf-8", "replace") or "end"
        raise BadRequest(f"Unexpected token {first} in JSON at position {len(content) - len(stripped)}")
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError:
        raise BadRequest(mistake_in(content)) from None


def mistake_in(content: bytes) -> str:
    """Return what is wrong with JSON text, in the words of the engine that Fusebit runs on."""
    text = content.decode("utf-8", "replace")
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            return "Unexpected end of JSON input"
        return f"Unexpected token {text[error.pos]} in JSON at position {error.pos}"
    except (ValueError, RecursionError):
        pass
    return "Unexpected token in JSON"


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _content_type(request: HttpRequest) -> tuple[str, str]:
    media, _semicolon, parameters = request.headers.get("Content-Type", "").partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _equals, value = parameter.strip().partition("=")
        if name.lower() == "charset":
            charset = value.strip('"').lower()
    return media.strip().lower(), charset
