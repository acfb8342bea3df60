"""What an answer of Fusebit says: strict JSON, and the error that a status stands for (contract 1.5, 2.5)."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from fusebit_bridge.errors import (
    BuildFailed,
    Busy,
    Conflict,
    Failed,
    FusebitError,
    GrantRefused,
    Missing,
    Refused,
    Rejected,
    UnexpectedAnswer,
)

RETRY_AFTER_LIMIT_S = 3_600.0
MESSAGE_LIMIT = 500
_BY_STATUS: dict[int, type[FusebitError]] = {401: Refused, 403: Refused, 404: Missing}


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, complete; `reference_id` is the id that the request carried."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    duration_ms: float
    reference_id: str

    def header(self, name: str) -> str:
        """Return the first header of that name, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; raise UnexpectedAnswer when it is anything else."""
        try:
            members = json.loads(self.body.decode("utf-8"), parse_constant=_no_constants)
        except (ValueError, RecursionError):
            raise self.unexpected("not JSON") from None
        if not isinstance(members, dict):
            raise self.unexpected("not a JSON object")
        return members

    def read(self, meaning: Callable[[dict[str, Any]], Any]) -> Any:
        """Return what `meaning` makes of the JSON object; raise UnexpectedAnswer when it cannot."""
        members = self.json()
        try:
            return meaning(members)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.unexpected(f"{type(error).__name__}: {error}") from None

    def unexpected(self, why: str) -> UnexpectedAnswer:
        """Return the error for an answer that is not what the contract promises."""
        return UnexpectedAnswer(reference_id=self.reference_id, detail=f"HTTP {self.status}, {why}: {self.sketch}")

    @property
    def sketch(self) -> str:
        """Return what the body is, to be recognised by, and nothing of what it says: that may be anything."""
        form = (
            "HTML or XML" if self.body.lstrip()[:1] == b"<" else self.header("content-type")[:60] or "no content type"
        )
        return f"{len(self.body)} bytes, {form}, SHA-256 {hashlib.sha256(self.body).hexdigest()[:12]}"


def error_of(reply: Reply) -> FusebitError:
    """Return the error that an answer other than 2xx stands for.

    A refusal only counts as Fusebit's own when it is in the contract's JSON: a proxy's page in between says
    nothing about what exists or is permitted.
    """
    if reply.status == 429:
        return _make(Busy, reply, {})
    if reply.status < 400:
        return reply.unexpected("a redirect or an interim answer")
    try:
        members = reply.json()
    except UnexpectedAnswer as error:
        return _make(Failed, reply, {}) if reply.status >= 500 else error
    properties = members.get("properties")
    if isinstance(properties, dict) and "build" in properties:
        return _make(BuildFailed, reply, members)
    if reply.status >= 500:
        return _make(Failed, reply, members)
    return _make(_BY_STATUS.get(reply.status) or _rejection(members), reply, members)


def _rejection(members: dict[str, Any]) -> type[FusebitError]:
    """Tell the two rejections apart that mean something to a provisioner; their texts are fixed (contract 3.6, 3.7)."""
    said = str(members.get("message"))
    if "already associated with a user or client" in said:
        return Conflict
    return GrantRefused if "not authorized to grant access" in said else Rejected


def retry_after(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most an hour (RFC 9110, 10.2.3)."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_LIMIT_S)
    moment = moment_of(text)
    if moment is None:
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), RETRY_AFTER_LIMIT_S)


def moment_of(text: str) -> datetime | None:
    """Return the moment that an HTTP date names, or None (RFC 9110, 5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _make(kind: type[FusebitError], reply: Reply, members: dict[str, Any]) -> FusebitError:
    said = members.get("message")
    said = said[:MESSAGE_LIMIT] if isinstance(said, str) else ""
    shown = said if issubclass(kind, Rejected | BuildFailed) else ""  # these tell the author what to change
    return kind(
        shown,
        reference_id=reply.reference_id,
        retry_after=retry_after(reply.header("retry-after")),
        detail=f"HTTP {reply.status}: {said or reply.sketch}",
    )


def _no_constants(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
