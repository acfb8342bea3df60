"""Why the gateway answers instead of a function."""

from http import HTTPStatus

from fusebit_platform.gateway.records import CallerName, Statement


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
