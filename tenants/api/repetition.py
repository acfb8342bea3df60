"""`Idempotency-Key`: the same request again gets the same answer and has no second effect."""

import hashlib
import json
import re
from collections.abc import Callable

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from tenants.models import Tenant
from tenants.services import repetitions

KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = ("ETag", "Location")
REPEATABLE = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key with the same request gets the same answer for 24 hours; with another one 409.",
)


def once(request: Request, user: User, tenant: Tenant, answer: Callable[[], Response]) -> Response:
    """Return what `answer` returns, or what it returned the first time; without the header, simply call it."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return answer()
    if not KEY.fullmatch(key):
        raise ValidationError({"Idempotency-Key": ["Use 1 to 255 printable characters without blanks."]})
    row = repetitions.begin(user=user, tenant=tenant, key=key, fingerprint=_fingerprint(request))
    if row.status is not None:
        headers = {**row.headers, "Idempotency-Replayed": "true"}
        return Response(json.loads(repetitions.body_of(row)), status=row.status, headers=headers)
    try:
        response = answer()
        headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
        repetitions.finish(row=row, status=response.status_code, headers=headers, body=_text(response))
    except BaseException:
        repetitions.forget(row=row)
        raise
    return response


def _fingerprint(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True)
    return hashlib.sha256(f"{request.method} {request.path} {body}".encode()).hexdigest()


def _text(response: Response) -> str:
    """Return the body as JSON, with dates and the like as the renderer writes them."""
    return json.dumps(response.data, cls=JSONEncoder)
