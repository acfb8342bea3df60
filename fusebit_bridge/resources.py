"""Typed paths: every segment of a URL or a permission was matched against its pattern (contract 1.2).

A path is both what is asked (`/v1` + text) and, with its trailing slash, what a permission names. Text that a
URL library would fold, decode or re-encode is refused rather than repaired, because the token is minted for
one text and the request would go to another.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import quote, unquote

from fusebit_bridge.errors import InvalidName

RESERVED_ISSUER_SUFFIX = "system.fusebit.io"
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff#]")


class Segment(str):
    """One path segment that has been matched in full against the pattern of its kind."""

    __slots__ = ()
    kind: ClassVar[str]
    pattern: ClassVar[re.Pattern[str]]

    def __new__(cls, value: str) -> Self:
        """Return the segment; raise InvalidName for text of any other form."""
        if not isinstance(value, str) or not cls.pattern.fullmatch(value):
            raise InvalidName(f"This is not {cls.kind}.", detail=f"{cls.kind}: {value!r:.80}")
        return super().__new__(cls, value)

    @property
    def encoded(self) -> str:
        """Return the segment as it stands in a path."""
        return str(self)


class AccountId(Segment):
    """`acc-` and 16 hexadecimal digits."""

    kind = "an account id"
    pattern = re.compile(r"acc-[a-f0-9]{16}")


class SubscriptionId(Segment):
    """`sub-` and 16 hexadecimal digits."""

    kind = "a subscription id"
    pattern = re.compile(r"sub-[a-f0-9]{16}")


class UserId(Segment):
    """`usr-` and 16 hexadecimal digits."""

    kind = "a user id"
    pattern = re.compile(r"usr-[a-f0-9]{16}")


class ClientId(Segment):
    """`clt-` and 16 hexadecimal digits."""

    kind = "a client id"
    pattern = re.compile(r"clt-[a-f0-9]{16}")


class BoundaryId(Segment):
    """Up to 63 lower-case letters, digits and hyphens."""

    kind = "a boundary id (lower-case letters, digits and hyphens, at most 63)"
    pattern = re.compile(r"[a-z0-9-]{1,63}")


class FunctionId(Segment):
    """Up to 64 letters, digits and hyphens."""

    kind = "a function name (letters, digits and hyphens, at most 64)"
    pattern = re.compile(r"[A-Za-z0-9-]{1,64}")


class BuildId(Segment):
    """A short opaque string of the server's."""

    kind = "a build id"
    pattern = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RunId(Segment):
    """A number that ascends."""

    kind = "a run id"
    pattern = re.compile(r"[0-9]{1,40}")


class IssuerId(Segment):
    """Any printable string, often a URL, that does not end like an issuer of the system."""

    kind = "an issuer id"
    pattern = re.compile(r"[^\x00-\x1f\x7f]{1,512}")

    def __new__(cls, value: str) -> Self:
        """Return the issuer id; raise InvalidName when it is reserved or would fold away in a path."""
        self = super().__new__(cls, value)
        if value.endswith(RESERVED_ISSUER_SUFFIX) or set(value) == {"."} or not value.isprintable():
            raise InvalidName("This is not an issuer id.", detail=f"issuer id: {value!r:.80}")
        return self

    @property
    def encoded(self) -> str:
        """Return the segment as it stands in a path: everything but unreserved characters percent-encoded."""
        return quote(self, safe="")


@dataclass(frozen=True)
class Path:
    """A path below `/v1`, made of checked segments only."""

    text: str

    @property
    def resource(self) -> str:
        """Return the resource that a permission for exactly this path names."""
        return f"{self.text}/"


class Function(Path):
    """`…/function/{functionId}`."""

    def location(self) -> Path:
        """Return the path that answers where the function runs."""
        return Path(f"{self.text}/location")

    def build(self, build_id: str) -> Path:
        """Return the path of one build."""
        return Path(f"{self.text}/build/{BuildId(build_id).encoded}")


class Boundary(Path):
    """`…/boundary/{boundaryId}`."""

    def functions(self) -> Path:
        """Return the path that lists the boundary's functions."""
        return Path(f"{self.text}/function")

    def runs(self) -> Path:
        """Return the path that lists what ran in the boundary (extension `runs`)."""
        return Path(f"{self.text}/run")

    def run(self, run_id: str) -> Path:
        """Return the path of one run."""
        return Path(f"{self.text}/run/{RunId(run_id).encoded}")

    def events(self) -> Path:
        """Return the path of the boundary's live events (extension `events`)."""
        return Path(f"{self.text}/event")

    def function(self, name: str) -> Function:
        """Return the path of one function."""
        return Function(f"{self.text}/function/{FunctionId(name).encoded}")

    def policy(self) -> Path:
        """Return the path of what holds for the whole boundary; an extension."""
        return Path(f"{self.text}/policy")


class Subscription(Path):
    """`…/subscription/{subscriptionId}`."""

    def boundary(self, boundary_id: str) -> Boundary:
        """Return the path of one boundary."""
        return Boundary(f"{self.text}/boundary/{BoundaryId(boundary_id).encoded}")


class Account(Path):
    """`/account/{accountId}`."""

    @classmethod
    def of(cls, account_id: str) -> "Account":
        """Return the path of the account."""
        return cls(f"/account/{AccountId(account_id).encoded}")

    def me(self) -> Path:
        """Return the path that answers whose token this is."""
        return Path(f"{self.text}/me")

    def users(self) -> Path:
        """Return the path that lists and creates users."""
        return Path(f"{self.text}/user")

    def user(self, user_id: str) -> Path:
        """Return the path of one user."""
        return Path(f"{self.text}/user/{UserId(user_id).encoded}")

    def issuer(self, issuer_id: str) -> Path:
        """Return the path of one issuer."""
        return Path(f"{self.text}/issuer/{IssuerId(issuer_id).encoded}")

    def subscription(self, subscription_id: str) -> Subscription:
        """Return the path of one subscription."""
        return Subscription(f"{self.text}/subscription/{SubscriptionId(subscription_id).encoded}")


# What may stand unencoded in a path and in a query (RFC 3986, 3.3 and 3.4), beside the unreserved.
PATH_SAFE = "/:@!$&'()*+,;=%"
QUERY_SAFE = PATH_SAFE + "?"
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def path_below(text: str) -> str:
    """Return a path that a person wrote, perhaps with a query after `?`, as it goes below a location.

    Raise InvalidName for control characters, a fragment, broken percent-encoding, and segments that mean
    "here" or "one up" in any spelling: those would leave the function that the token was minted for.
    """
    if _UNSENDABLE.search(text) or _BAD_PERCENT.search(text):
        raise InvalidName("The path has characters that cannot be sent.", detail=f"path: {text!r:.80}")
    path, _mark, query = text.partition("?")
    if not {".", ".."}.isdisjoint(re.split(r"[/\\]", unquote(path))):
        raise InvalidName("The path must not have “.” or “..” between its slashes.")
    if path and not path.startswith("/"):
        path = f"/{path}"
    below = _canonical(quote(path, safe=PATH_SAFE))
    return f"{below}?{_canonical(quote(query, safe=QUERY_SAFE))}" if query else below


def _canonical(text: str) -> str:
    """Write percent-encodings the one way that every URL library leaves alone (RFC 3986, 6.2.2)."""

    def spell(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in UNRESERVED else match[0].upper()

    return _ENCODED.sub(spell, text)
