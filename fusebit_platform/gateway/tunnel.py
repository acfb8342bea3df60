"""Has a call answered by a developer's own machine, at the far end of a tunnel (contract 5.7)."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import requests

from fusebit_platform import encodings
from fusebit_platform.runtime.builds import Answer, Build, Reply, failure

MAX_BYTES = 5 * 1024 * 1024
AT_ONCE = 32
CONNECT_SECONDS = 10.0
CHUNK = 64 * 1024
JSON_TYPE = "application/json; charset=utf-8"


class TunnelFailed(Exception):
    """The tunnel did not answer as it must."""


class Tunnel:
    """POST calls to where their functions are redirected."""

    def __init__(self) -> None:
        self._asking = 0

    def submit(self, url: str, build: Build, payload: bytes, reply: Reply) -> None:
        """Run one call at `url`; `reply` is called exactly once, on the event loop."""
        if self._asking >= AT_ONCE:
            reply(failure(429, "Too Many Requests", kind="", cause="rate_limited", source="proxy"))
            return
        self._asking += 1
        loop = asyncio.get_running_loop()

        def answered(answer: Answer) -> None:
            self._asking -= 1
            reply(answer)

        def work() -> None:
            answer = ask(url, context_of(build, payload), build.timeout_s)
            with contextlib.suppress(RuntimeError):  # the platform has stopped meanwhile
                loop.call_soon_threadsafe(answered, answer)

        threading.Thread(target=work, name="tunnel", daemon=True).start()


def context_of(build: Build, payload: bytes) -> bytes:
    """Return the whole ctx of a call as JSON; the configuration stays here."""
    ctx = json.loads(payload)
    shared = dict(build.context)
    fusebit = {**shared.pop("fusebit", {}), **ctx.get("fusebit", {})}  # type: ignore[dict-item]
    return json.dumps({**ctx, **shared, "fusebit": fusebit}).encode()


def ask(url: str, ctx: bytes, seconds: float) -> Answer:
    """Return what the tunnel answers within so many seconds, or that it does not."""
    try:
        return answer_of(json.loads(_post(url, ctx, time.monotonic() + seconds)))
    except (requests.RequestException, TunnelFailed, ValueError, RecursionError):
        return _unreachable()


def _unreachable() -> Answer:
    message = "The tunnel that the function is redirected to did not answer."
    return failure(404, message, kind="", cause="not_found", source="proxy")


def _post(url: str, ctx: bytes, deadline: float) -> bytes:
    with requests.Session() as session:
        session.trust_env = False
        with session.post(
            url,
            data=ctx,
            headers={"content-type": "application/json"},
            timeout=(CONNECT_SECONDS, max(0.1, deadline - time.monotonic())),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != 200:
                raise TunnelFailed(response.status_code)
            body = bytearray()
            for chunk in response.iter_content(CHUNK):
                body += chunk
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise TunnelFailed(len(body))
            return bytes(body)


def answer_of(envelope: object) -> Answer:
    """Return an envelope `{status?, headers?, body?, bodyEncoding?}` as what a handler returns (contract 6.5)."""
    if not isinstance(envelope, dict):
        raise TunnelFailed
    given = envelope.get("status", 200)
    is_status = isinstance(given, int) and not isinstance(given, bool) and 200 <= given <= 599
    body, encoding = envelope.get("body"), envelope.get("bodyEncoding")
    headers = _headers(envelope.get("headers"))
    if not body:
        content = b""
    elif isinstance(body, str) and isinstance(encoding, str) and encoding.lower() in encodings.ENCODINGS:
        content = encodings.decode(body, encoding)
    else:
        content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
        if not any(name.lower() == "content-type" for name, _value in headers):
            headers.append(("content-type", JSON_TYPE))
    return Answer(given if is_status else 500, "function", json.dumps(headers).encode(), content)


def _headers(given: object) -> list[tuple[str, str]]:
    if not isinstance(given, Mapping):
        return []
    values: list[tuple[str, Any]] = []
    for name, value in given.items():
        values += [(name, one) for one in (value if isinstance(value, list) else [value])]
    return [
        (name, value if isinstance(value, str) else json.dumps(value)) for name, value in values if value is not None
    ]
