"""Loads and authorises in one step: every page begins here, and a stranger's tenant does not exist."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tenants import selectors
from tenants.models import Function, Membership
from tenants.services import roles

LAST_TENANT = "last_tenant"  # the session's key: the workspace that was open last


def person(request: HttpRequest) -> User:
    """Return who is asking; the middleware has made sure that it is somebody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def membership(request: HttpRequest, slug: str, *, may_write: bool = False, may_manage: bool = False) -> Membership:
    """Return the person's membership of the tenant, 404 without one.

    `may_write` refuses viewers and `may_manage` everybody but owners, with 403 and a row in the audit trail.
    """
    found: Membership | None = getattr(request, "membership", None)  # a page asks more than once
    if found is None or found.tenant.slug != slug:
        found = selectors.membership_or_404(person(request), slug)
        request.membership = found  # type: ignore[attr-defined]  # remembered for this request
        if request.session.get(LAST_TENANT) != slug:
            request.session[LAST_TENANT] = slug
    refused = roles.refusal(found, f"{request.method} {request.path}", may_write=may_write, may_manage=may_manage)
    if refused is not None:
        raise PermissionDenied(refused.message)
    return found


can_write, can_manage = roles.can_write, roles.can_manage


def name_of(user: User) -> str:
    """Return what to call the person."""
    return user.get_full_name() or user.get_username()


def workspaces(request: HttpRequest) -> dict[str, Any]:
    """Give every page the person's memberships, asked for only where they are shown."""
    user = getattr(request, "user", None)
    return {"workspaces": SimpleLazyObject(lambda: list(selectors.memberships_of(user)) if user else [])}


def function(request: HttpRequest, slug: str, name: str, *, may_write: bool = False) -> Function:
    """Return the tenant's function, or 404."""
    return selectors.function_or_404(membership(request, slug, may_write=may_write).tenant, name)
