"""Why the gateway answers instead of a function."""

from http import HTTPStatus


class Refusal(Exception):
    """End a request with a status and a safe message; `close` ends the connection, too."""

    def __init__(self, status: int, message: str = "", *, cause: str = "", close: bool = False) -> None:
        self.status = status
        self.message = message or HTTPStatus(status).phrase
        self.cause = cause
        self.close = close
        super().__init__(self.message)
