"""The errors of the HTTP API (contract 1.5).

PlatformError                 500
├── BadRequest                400   malformed ids, bodies, queries; broken rules; grants beyond one's own
│   └── BuildFailed           400   the packages of a function cannot be built
├── Unauthorized              403   every failure to authenticate or authorise; never says why
├── NotFound                  404   the entity is missing and the caller may know
├── MethodNotAllowed          405   statistics without an analytics back end
├── Conflict                  409   the etag of a storage item is not the current one
├── BodyTooLarge              413
├── UnsupportedMedia          415
├── TooManyRequests           429
├── NotOffered                501   a part of npm's protocol that is left out
└── TooBusy                   503   no more listeners can be served
"""

from typing import Any, ClassVar


class PlatformError(Exception):
    """An answer with an error status; the message is shown to the caller."""

    status: ClassVar[int] = 500
    default: ClassVar[str] = "Internal error"

    def __init__(self, message: str = "", *, properties: dict[str, Any] | None = None) -> None:
        super().__init__(message or self.default)
        self.message = message or self.default
        self.properties = properties

    def body(self) -> dict[str, Any]:
        """Return the JSON body `{status, statusCode, message, properties?}`."""
        body: dict[str, Any] = {"status": self.status, "statusCode": self.status, "message": self.message}
        return body | ({"properties": self.properties} if self.properties else {})


class BadRequest(PlatformError):
    """The request breaks a rule of the contract."""

    status = 400
    default = "Bad Request"


class BuildFailed(BadRequest):
    """The packages of a function cannot be built."""


class Unauthorized(PlatformError):
    """The caller could not be authenticated, or may not do this."""

    status = 403
    default = "Unauthorized"


class NotFound(PlatformError):
    """The addressed entity does not exist."""

    status = 404
    default = "Not Found"


class SubscriptionMissing(NotFound):
    """A function was addressed under a subscription that does not exist."""

    default = "subscription not found"


class MethodNotAllowed(PlatformError):
    """The server does not offer this query."""

    status = 405
    default = "Method Not Allowed"


class Conflict(PlatformError):
    """Somebody else changed the item first."""

    status = 409
    default = "Conflict"


class BodyTooLarge(PlatformError):
    """The request body is larger than its route accepts."""

    status = 413
    default = "request entity too large"


class UnsupportedMedia(PlatformError):
    """The request body has an encoding or charset that is not read."""

    status = 415
    default = "unsupported content encoding"


class TooManyRequests(PlatformError):
    """The caller has to wait."""

    status = 429
    default = "Too Many Requests"


class NotOffered(PlatformError):
    """The server leaves this part of a protocol out."""

    status = 501
    default = "Not Implemented"


class TooBusy(PlatformError):
    """The server has as many listeners as it can serve."""

    status = 503
    default = "Server too busy, try again later."
