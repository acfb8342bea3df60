"""Tokens from an authorization server that Fusebit trusts: OAuth 2.0 client credentials (RFC 6749, 4.4).

The server decides what a token may do: it cannot be narrowed call by call, so each is asked for once and used until
half of its life is over.
"""

import base64
import json
import re
import threading
import time
from urllib.parse import quote, urlencode

from fusebit_bridge.answers import Reply
from fusebit_bridge.client import Limits, Requestor
from fusebit_bridge.credentials import checked_base_url
from fusebit_bridge.errors import NotConfigured, UnexpectedAnswer, Unreachable
from fusebit_bridge.permissions import Statement
from fusebit_bridge.tokens import Token

ANSWER_SECONDS = 10.0
LEAST_LIFE_S = 10
LONGEST_LIFE_S = 86_400
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1


class AuthorizationServerSource:
    """Asks an authorization server for the client's tokens; may be shared by threads."""

    def __init__(self, token_url: str, *, client_id: str, client_secret: str, audience: str, scope: str = "") -> None:
        origin, _, path = token_url.removeprefix("https://").removeprefix("http://").partition("/")
        scheme = token_url.partition("://")[0]
        self._requestor = Requestor(checked_base_url(f"{scheme}://{origin}"))
        self._url = f"{scheme}://{origin}/{path}"
        self._credentials = _Secret(client_id, client_secret)
        self._form = {"grant_type": "client_credentials", "audience": audience, **({"scope": scope} if scope else {})}
        self._lock = threading.Lock()
        self._kept: tuple[float, Token] | None = None

    def token(self, template: str, statements: frozenset[Statement]) -> Token:
        """Return the server's token; `template` and `statements` say what it is for, and do not narrow it.

        Whoever asks who we are wants to know it of today's token.
        """
        with self._lock:
            if template != "ask_me" and self._kept is not None and time.monotonic() < self._kept[0]:
                return self._kept[1]
            token, seconds = self._ask()
            self._kept = (time.monotonic() + seconds / 2, token)
            return token

    def _ask(self) -> tuple[Token, float]:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": self._credentials.basic(),
        }
        body = urlencode(self._form).encode()
        try:
            reply = self._requestor.send(
                "POST", self._url, headers=headers.items(), body=body, limits=Limits(ANSWER_SECONDS)
            )
        except Unreachable as error:
            raise Unreachable(
                "The authorization server does not answer.", reference_id=error.reference_id, detail=error.detail
            ) from None
        if reply.status in {400, 401, 403}:
            raise NotConfigured(
                "The authorization server refuses our client id and secret.",
                reference_id=reply.reference_id,
                detail=f"HTTP {reply.status} {_error_of(reply.body)}",
            )
        token, seconds = _token_of(reply)
        if seconds < LEAST_LIFE_S:
            raise UnexpectedAnswer("The authorization server's tokens do not live long enough.")
        return token, seconds

    def __repr__(self) -> str:
        return f"<AuthorizationServerSource {self._url}>"


def _token_of(reply: Reply) -> tuple[Token, float]:
    """Return the token of an answer and how long it lives; of one that has none nothing is quoted, it may be one."""
    try:
        members = reply.json()
        text, seconds = members["access_token"], min(float(members["expires_in"]), LONGEST_LIFE_S)
        if reply.status == 200 and isinstance(text, str) and _BEARER.fullmatch(text):
            return Token(text, (), int(time.time() + seconds)), seconds
    except (UnexpectedAnswer, KeyError, TypeError, ValueError):
        pass
    raise UnexpectedAnswer(
        "The authorization server's answer has no token.",
        reference_id=reply.reference_id,
        detail=f"HTTP {reply.status}, {len(reply.body)} bytes",
    )


class _Secret:
    """A client id and secret that show nothing of themselves."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._text = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"

    def basic(self) -> str:
        """Return the Authorization header (RFC 6749, 2.3.1)."""
        return "Basic " + base64.b64encode(self._text.encode()).decode()

    def __repr__(self) -> str:
        return "<secret>"


def _error_of(body: bytes) -> str:
    """Return the error code of RFC 6749, 5.2, and nothing else of the answer."""
    try:
        return str(json.loads(body).get("error", ""))[:60]
    except (ValueError, AttributeError):
        return ""
