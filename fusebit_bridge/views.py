"""Publishes the public keys of our issuer, for a Fusebit that is told to fetch them."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from fusebit_bridge import issuers

LIFETIME_S = 300


@login_not_required
@require_safe
@cache_control(public=True, max_age=LIFETIME_S)
def jwks(_request: HttpRequest) -> JsonResponse:
    """Answer with the key set of our issuer, an empty one before `import_client` (RFC 7517, 5)."""
    return JsonResponse({"keys": issuers.public_keys()})
