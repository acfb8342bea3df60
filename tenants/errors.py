"""What can go wrong in the product, each with a code, a status and words for the person.

TenantError
├── InvalidInput        400  a field has a value that cannot be used
├── NameTaken           409  the tenant has a function of that name
├── QuotaReached        409  the tenant has as many functions as it may
├── LastOwner           409  the tenant would be left without an owner
├── Repeated            409  an idempotency key came back with another request, or while the first is at work
├── InvitationGone      410  the link was used, withdrawn, or is too old
├── StaleVersion        412  somebody saved after the version that this edit began from
├── NotReady            409  the function, or the person's access, is not at Fusebit yet
└── FusebitUnavailable  503  Fusebit refused, failed or did not answer; carries its reference id
"""

from http import HTTPStatus


class TenantError(Exception):
    """The root: `code` for machines, `status` for HTTP, `message` for the person."""

    code = "error"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, *, reference_id: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reference_id = reference_id
        self.retry_after = retry_after


class InvalidInput(TenantError):
    """A field has a value that cannot be used; `field` names it."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NameTaken(TenantError):
    """The tenant has a function of that name."""

    code = "name_taken"
    status = HTTPStatus.CONFLICT


class QuotaReached(TenantError):
    """The tenant has as many functions as it may."""

    code = "quota_reached"
    status = HTTPStatus.CONFLICT


class LastOwner(TenantError):
    """The tenant would be left without an owner."""

    code = "last_owner"
    status = HTTPStatus.CONFLICT


class Repeated(TenantError):
    """An idempotency key came back with another request, or while the first one is still at work."""

    code = "idempotency_conflict"
    status = HTTPStatus.CONFLICT


class InvitationGone(TenantError):
    """The link was used, withdrawn, or is too old; whoever holds it is not told which."""

    code = "invitation_gone"
    status = HTTPStatus.GONE


class StaleVersion(TenantError):
    """Somebody saved after the version that this edit began from; `current` is the number of the latest."""

    code = "stale_version"
    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self, message: str, *, current: int) -> None:
        super().__init__(message)
        self.current = current


class NotReady(TenantError):
    """The function, or the person's access, is not at Fusebit yet."""

    code = "not_ready"
    status = HTTPStatus.CONFLICT


class FusebitUnavailable(TenantError):
    """Fusebit refused, failed or did not answer."""

    code = "fusebit_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
