"""The audit trail of a workspace, for its members."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants import selectors
from tenants.views import scope

PAGE = 50


@never_cache
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """List who changed what, the newest first."""
    tenant = scope.membership(request, slug).tenant
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
    found = selectors.audit_page(tenant, before, PAGE + 1)
    shown = {"tenant": tenant, "rows": found[:PAGE], "tab": "audit", "is_first": before is None}
    older = found[PAGE - 1].number if len(found) > PAGE else None
    return render(request, "tenants/audit.html", {**shown, "older": older})
