"""What can go wrong between us and Fusebit, each with words that may be shown and a reference to quote.

FusebitError
├── NotConfigured     no client was imported, or a key that is needed cannot be read here
├── Unreachable       no answer: refused, reset, timed out                          (retriable)
├── Busy              429: too many requests or executions at once                  (retriable)
├── Failed            5xx: Fusebit broke                                            (retriable)
├── UnexpectedAnswer  not the JSON that the contract promises, or far too much      (retriable)
├── Refused           403: the token is not accepted or may not do this
├── Rejected          400 and its kin: the request itself is at fault
│   ├── Conflict      the identity belongs to somebody already
│   └── GrantRefused  we may not grant what we do not hold
├── Missing           404: no such thing, to somebody who may look
├── BuildFailed       the function's dependencies or code could not be built
├── Untrusted         a location names a host that gets none of our tokens
└── InvalidName       an identifier or a path that cannot be sent as it is written
"""

import re

DETAIL_LIMIT = 2_000
_SECRETS = re.compile(
    r"eyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)?"  # a JSON Web Token, complete or cut short
    r"|-----BEGIN [^-]{0,40}-----.*?(?:-----END [^-]{0,40}-----|\Z)"
    r"|\b(?:bearer|basic)\s+[\w.~+/=-]+"
    r"|\btoken=[^&\s]+",
    re.IGNORECASE | re.DOTALL,
)


def redacted(text: str) -> str:
    """Return `text` without tokens and keys, cut to a size that fits a log line or a row."""
    return _SECRETS.sub("[redacted]", text[: DETAIL_LIMIT * 4])[:DETAIL_LIMIT]


class FusebitError(Exception):
    """The root. `message` may be shown to anybody; `detail` is for operators and holds no secret.

    `reference_id` is the X-Request-Id of the failed request, empty when none was sent; `retry_after` is in
    seconds.
    """

    code = "fusebit_error"
    retriable = False
    default_message = "Fusebit could not do this."

    def __init__(
        self,
        message: str = "",
        *,
        reference_id: str = "",
        retry_after: float | None = None,
        retriable: bool | None = None,
        detail: str = "",
    ) -> None:
        self.message = redacted(message or self.default_message)
        super().__init__(self.message)
        self.reference_id = reference_id
        self.retry_after = retry_after
        self.detail = redacted(detail)
        if retriable is not None:
            self.retriable = retriable


class NotConfigured(FusebitError):
    """No client was imported, or a key that is needed cannot be read in this process."""

    code = "not_configured"
    default_message = "The connection to Fusebit is not set up. Run `manage.py import_client`."


class Unreachable(FusebitError):
    """No answer came, and it is unknown whether the request had an effect."""

    code = "unreachable"
    retriable = True
    default_message = "Fusebit does not answer."


class Busy(FusebitError):
    """Fusebit asks us to wait (429)."""

    code = "busy"
    retriable = True
    default_message = "Fusebit is busy."


class Failed(FusebitError):
    """Fusebit broke (5xx)."""

    code = "failed"
    retriable = True
    default_message = "Fusebit had a fault of its own."


class UnexpectedAnswer(FusebitError):
    """The answer is not what the contract promises: HTML, cut short, too large, a redirect."""

    code = "unexpected_answer"
    retriable = True
    default_message = "Fusebit gave an answer that makes no sense here."


class Refused(FusebitError):
    """The token was not accepted, or it may not do this (403)."""

    code = "refused"
    default_message = "Fusebit refused: this is not permitted."


class Rejected(FusebitError):
    """The request itself is at fault (400, 409, 413)."""

    code = "rejected"
    default_message = "Fusebit did not accept the request."


class Conflict(Rejected):
    """The identity is associated with a user or client already (contract 3.7)."""

    code = "conflict"


class GrantRefused(Rejected):
    """We may only grant what we hold (contract 3.6)."""

    code = "grants"


class Missing(FusebitError):
    """There is no such thing (404)."""

    code = "missing"
    default_message = "Fusebit does not know this."


class BuildFailed(FusebitError):
    """The function could not be built; the message is the builder's own."""

    code = "build_failed"
    default_message = "The function could not be built."


class Untrusted(FusebitError):
    """A location names a host that gets none of our tokens."""

    code = "untrusted"
    default_message = "The function's address is on a host that is not trusted."


class InvalidName(FusebitError):
    """An identifier, a path or a header cannot be sent as it is written."""

    code = "invalid_name"
    default_message = "This name cannot be used."
