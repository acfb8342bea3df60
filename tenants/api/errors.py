"""One shape for every error of the API: `{status, statusCode, code, message, reference?, fields?}`."""

import math
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from tenants.errors import InvalidInput, StaleVersion, TenantError


class PreconditionRequired(exceptions.APIException):
    """The request must say which version it was made from (RFC 6585 3)."""

    status_code = 428
    default_detail = "Send If-Match with the ETag of the version that you edited."
    default_code = "precondition_required"


class TooLarge(exceptions.APIException):
    """The body is larger than a request may be (RFC 9110 15.5.14)."""

    status_code = 413
    default_detail = "The body is larger than a request may be."
    default_code = "too_large"


def answer(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Return the response for `error`, or None when it is not one that a caller should see."""
    if isinstance(error, TenantError):
        return _of_tenant_error(error)
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such thing here.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge()
    if isinstance(error, exceptions.APIException):
        return _of_api_error(error)
    return None


def _of_tenant_error(error: TenantError) -> Response:
    body = _body(int(error.status), error.code, error.message)
    if error.reference_id:
        body["reference"] = error.reference_id
    if isinstance(error, InvalidInput) and error.field:
        body["fields"] = {error.field: [error.message]}
    if isinstance(error, StaleVersion):
        body["current"] = error.current
    headers = {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after else {}
    return Response(body, status=error.status, headers=headers)


def _of_api_error(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, exceptions.ValidationError):
        body = _body(error.status_code, "invalid", _first_message(error.detail))
        body["fields"] = error.detail
    else:
        codes = error.get_codes()
        body = _body(error.status_code, codes if isinstance(codes, str) else "error", str(error.detail))
    return Response(body, status=error.status_code, headers=headers)


def _body(status: int, code: str, message: str) -> dict[str, Any]:
    return {"status": status, "statusCode": status, "code": code, "message": message}


def _first_message(detail: Any, field: str = "") -> str:
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return _first_message(inner, "" if name == "non_field_errors" else str(name))
    if isinstance(detail, list):
        return _first_message(detail[0], field)
    return f"{field}: {detail}" if field else str(detail)
