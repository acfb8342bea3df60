"""The only tokens that exist: one function for each purpose, the least permission, a minute or two of life.

| template        | signed as | may                                                           | lives | kept |
|-----------------|-----------|---------------------------------------------------------------|-------|------|
| `ask_me`        | client    | nothing: asks whose token it is and what that agent holds     | 60 s  | no   |
| `provision`     | client    | one verb on users, and what it grants                         | 60 s  | no   |
| `keep_issuer`   | client    | one verb on one issuer                                        | 60 s  | no   |
| `keep_policy`   | client    | `policy:update` on one boundary's policy                      | 60 s  | no   |
| `read`          | tenant    | `function:get` in one boundary                                | 120 s | 60 s |
| `put`, `delete` | tenant    | that verb on one function (`put`: and what the code may hold) | 60 s  | no   |
| `delete`        | client    | the same, where the tenant has ended and nobody is left       | 60 s  | no   |
| `execute`       | tenant    | `function:execute` on one function                            | 60 s  | 30 s |
| `read_log`      | tenant    | `function:get-log` on one function or boundary                | 60 s  | 30 s |
| `trial`         | tenant    | what the person chose, on one function                        | 60 s  | no   |
| `call`          | its own   | `function:execute` on one function; handed out by a tenant    | as told | no |

Every token carries `iss`, `sub`, `aud`, `iat`, `exp`, `jti`, the inline permissions, and `alg` and `kid` of
its key (contract 2.2, 3.5). No name and no e-mail address: the function that is called can read the token.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.permissions import CLAIM, Statement, allow_list
from fusebit_bridge.resources import Account, Boundary, Function, Path, Subscription

TTL_S = {
    "ask_me": 60,
    "provision": 60,
    "keep_issuer": 60,
    "keep_policy": 60,
    "read": 120,
    "put": 60,
    "delete": 60,
    "execute": 60,
    "read_log": 60,
    "trial": 60,
}
KEPT = frozenset({"read", "execute", "read_log"})  # for half of their life
KEPT_AT_MOST = 4096
GRANTED_AT_MOST = 48  # statements in one token, so that it fits in a header of 8 KiB

Verb = Literal["get", "add", "update", "delete"]


@dataclass(frozen=True)
class Token:
    """A minted token; `text` is the secret, `permissions` is the receipt."""

    text: str = field(repr=False)
    permissions: tuple[Statement, ...]
    expires_at: int


class TokenSource(Protocol):
    """Whoever can give a token for one agent: a key that signs, or an authorization server that is asked."""

    def token(self, template: str, statements: frozenset[Statement]) -> Token:
        """Return a token that holds exactly `statements` and lives as long as the template says."""
        ...


class KeySource:
    """Signs as one agent with a key that is registered for its issuer.

    `generation` counts the changes of the agent's permissions: a token that is kept does not outlive one. `clock` is
    Fusebit's time as far as we know it.
    """

    def __init__(
        self,
        key: PrivateKey,
        *,
        issuer_id: str,
        subject: str,
        audience: str,
        generation: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._generation = generation
        self._clock = clock
        self.issuer_id = issuer_id
        self.subject = subject
        self.audience = audience

    def token(self, template: str, statements: frozenset[Statement]) -> Token:
        """Return a token of the template, a kept one when it has more than half of its life before it."""
        if template not in KEPT:
            return self._mint(template, statements)
        agent = (self.issuer_id, self.subject, self.audience, self._key.fingerprint, self._generation)
        name = (template, agent, statements)
        kept = _kept.find(name)
        return kept or _kept.keep(name, self._mint(template, statements), TTL_S[template] / 2)

    def lasting(self, statements: frozenset[Statement], expires_at: int) -> Token:
        """Return a token that is handed out and lives until `expires_at`, in seconds since 1970."""
        return self._mint("call", statements, expires_at)

    def _mint(self, template: str, statements: frozenset[Statement], until: int | None = None) -> Token:
        now = int(self._clock())
        expires_at = now + TTL_S[template] if until is None else until
        claims = {
            "iss": self.issuer_id,
            "sub": self.subject,
            "aud": self.audience,
            "iat": now,
            "exp": expires_at,
            "jti": secrets.token_hex(16),
            CLAIM: allow_list(statements),
        }
        headers = {"typ": "JWT", "jwtId": claims["jti"]}
        # The text never is a variable: error reports show those of every frame.
        return Token(self._key.sign(claims, headers), tuple(sorted(statements)), expires_at)

    def __repr__(self) -> str:
        return f"<KeySource {self.issuer_id} {self._key.key_id}>"


class _Kept:
    """The tokens in use, by template, agent, key and permissions; bounded, the oldest go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[object, tuple[float, Token]] = {}

    def find(self, name: object) -> Token | None:
        """Return the token of that name while its first half lasts."""
        with self._lock:
            kept = self._tokens.get(name)
        return kept[1] if kept and time.monotonic() < kept[0] else None

    def keep(self, name: object, token: Token, seconds: float) -> Token:
        """Remember the token for so many seconds."""
        with self._lock:
            self._tokens.pop(name, None)
            while len(self._tokens) >= KEPT_AT_MOST:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[name] = (time.monotonic() + seconds, token)
        return token

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._tokens.clear()


_kept = _Kept()
forget_tokens = _kept.clear


def ask_me(source: TokenSource) -> Token:
    """Return a token that may do nothing, which is enough to ask who one is (contract 4.6)."""
    return source.token("ask_me", frozenset())


def provision(
    source: TokenSource,
    account: Account,
    subscription: Subscription,
    verb: Verb,
    granted: Iterable[Statement] = (),
) -> Token:
    """Return a token for one verb on users that also holds what it is about to grant (contract 3.6)."""
    held = frozenset(granted)
    if len(held) > GRANTED_AT_MOST:
        held = frozenset({Statement("function:*", subscription.resource)})
    return source.token("provision", held | {Statement(f"user:{verb}", account.users().resource)})


def keep_issuer(source: TokenSource, issuer: Path, verb: Verb) -> Token:
    """Return a token for one verb on one issuer."""
    return source.token("keep_issuer", frozenset({Statement(f"issuer:{verb}", issuer.resource)}))


def keep_policy(source: TokenSource, boundary: Boundary) -> Token:
    """Return a token that may change what holds for one boundary."""
    return source.token("keep_policy", frozenset({Statement("policy:update", boundary.policy().resource)}))


def read(source: TokenSource, boundary: Boundary) -> Token:
    """Return a token that may read the functions of one boundary."""
    return source.token("read", frozenset({Statement("function:get", boundary.resource)}))


def put(source: TokenSource, function: Function, granted: Iterable[Statement] = ()) -> Token:
    """Return a token that may replace one function and holds what its code is to hold (contract 3.6)."""
    return source.token("put", frozenset(granted) | {Statement("function:put", function.resource)})


def delete(source: TokenSource, function: Function) -> Token:
    """Return a token that may delete one function."""
    return source.token("delete", frozenset({Statement("function:delete", function.resource)}))


def execute(source: TokenSource, function: Function) -> Token:
    """Return a token that may call one function and nothing else: the function itself gets to see it."""
    return source.token("execute", frozenset({Statement("function:execute", function.resource)}))


def trial(source: TokenSource, function: Function, actions: Iterable[str]) -> Token:
    """Return a token that may do exactly `actions` on one function, to see how the function takes it."""
    return source.token("trial", frozenset(Statement(action, function.resource) for action in actions))


def read_log(source: TokenSource, place: Path) -> Token:
    """Return a token that may follow the log of one function, or of one boundary."""
    return source.token("read_log", frozenset({Statement("function:get-log", place.resource)}))


def call(source: KeySource, function: Function, expires_at: int) -> Token:
    """Return a token that may call one function until then and nothing else; only for a user made for it alone."""
    return source.lasting(frozenset({Statement("function:execute", function.resource)}), expires_at)
