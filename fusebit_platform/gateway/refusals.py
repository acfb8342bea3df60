"""Why the gateway answers instead of a function."""

import logging
from http import HTTPStatus

from fusebit_platform.entries import CallerName, Statement

logger = logging.getLogger(__name__)


class Refusal(Exception):
    """End a request with a status and a safe message; `close` ends the connection, too.

    `code` goes into the body, `source` into a header; `cause`, `caller`, `missing` and `detail` are for the
    run's record alone.
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        cause: str = "",
        code: str = "",
        source: str = "",
        close: bool = False,
        caller: CallerName | None = None,
        missing: Statement | None = None,
        detail: str = "",
    ) -> None:
        self.status = status
        self.message = message or HTTPStatus(status).phrase
        self.cause = cause
        self.code = code
        self.source = source
        self.close = close
        self.caller = caller
        self.missing = missing
        self.detail = detail or self.message
        super().__init__(self.message)


def refusal_from(error: Exception) -> Refusal:
    """Return what a service's exception means: its own status and message, or an internal error."""
    status, message = getattr(error, "status", None), getattr(error, "message", None)
    if not isinstance(status, int) or not 400 <= status <= 599 or not isinstance(message, str):
        logger.error("A call to a function could not be prepared.", exc_info=error)
        return Refusal(500, "Internal error", cause="platform")
    caller, missing = getattr(error, "caller", None), getattr(error, "missing", None)
    return Refusal(
        status,
        message,
        cause=getattr(error, "cause", ""),
        source=getattr(error, "source", ""),
        caller=CallerName(caller.issuer_id, caller.subject, caller.kid) if caller and caller.subject else None,
        missing=Statement(*missing) if missing else None,
    )
