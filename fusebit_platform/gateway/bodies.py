"""Read a request body into the JSON text of ctx.body (contract 1.6, 6.3)."""

import json
import zlib
from collections.abc import Mapping
from typing import NoReturn

from fusebit_platform.gateway import forms
from fusebit_platform.gateway.refusals import Refusal

MAX_BODY = 500 * 1024
PARSED_METHODS = frozenset({"POST", "PUT", "PATCH"})
EMPTY = b"{}"
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
TOO_LARGE = "request entity too large"


def read(method: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return ctx.body as JSON; raise Refusal 400, 413 or 415.

    A valid JSON body is returned as it came; other types than JSON and urlencoded are `{}`.
    """
    if not body or method not in PARSED_METHODS:
        return EMPTY
    kind, _, parameters = headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind not in (JSON_TYPE, FORM_TYPE):
        return EMPTY
    _check_charset(parameters)
    body = _inflated(headers.get("content-encoding", "identity").strip().lower(), body)
    if kind == FORM_TYPE:
        return json.dumps(forms.parse_body(body.decode(errors="replace"))).encode()
    return _checked_json(body)


def _check_charset(parameters: str) -> None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in ("utf-8", "utf8", "us-ascii"):
            raise Refusal(415, f'unsupported charset "{charset.upper()[:40]}"')


def _inflated(encoding: str, body: bytes) -> bytes:
    if encoding == "identity":
        return body
    if encoding not in ("gzip", "deflate"):
        raise Refusal(415, f'unsupported content encoding "{encoding[:40]}"')
    inflater = zlib.decompressobj(wbits=47)  # gzip and zlib alike
    try:
        plain = inflater.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise Refusal(400, "The body is not what its content-encoding says.") from None
    if len(plain) > MAX_BODY:
        raise Refusal(413, TOO_LARGE)
    return plain


def _checked_json(body: bytes) -> bytes:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode(errors="replace")
        body = text.encode()
    if text.startswith("\ufeff"):
        text = text[1:]
        body = text.encode()
    if not text.strip(" \t\r\n"):
        return EMPTY
    if text.lstrip(" \t\r\n")[0] not in "{[":
        raise Refusal(400, f"Unexpected token {text.lstrip()[0]} in JSON at position 0")
    try:
        json.loads(text, parse_constant=_not_json, parse_int=len, parse_float=len)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The body is not valid JSON: {error}"[:200]) from None
    return body


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"Unexpected token {constant}")
