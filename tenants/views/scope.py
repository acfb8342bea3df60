"""Loads and authorises in one step: every page begins here, and a stranger's tenant does not exist."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from tenants import selectors
from tenants.models import Function, Membership, Role


def person(request: HttpRequest) -> User:
    """Return who is asking; the middleware has made sure that it is somebody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def membership(request: HttpRequest, slug: str, *, may_write: bool = False) -> Membership:
    """Return the person's membership of the tenant, 404 without one; `may_write` refuses viewers with 403."""
    found: Membership | None = getattr(request, "membership", None)  # a page asks more than once
    if found is None or found.tenant.slug != slug:
        found = selectors.membership_or_404(person(request), slug)
        request.membership = found  # type: ignore[attr-defined]  # remembered for this request
    if may_write and not can_write(found):
        raise PermissionDenied("A viewer cannot change anything here.")
    return found


def can_write(found: Membership) -> bool:
    """Tell whether the member may change the tenant's functions."""
    return found.role != Role.VIEWER


def function(request: HttpRequest, slug: str, name: str, *, may_write: bool = False) -> Function:
    """Return the tenant's function, or 404."""
    return selectors.function_or_404(membership(request, slug, may_write=may_write).tenant, name)
