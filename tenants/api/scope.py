"""Loads and authorises in one step: every look-up of the API begins here."""

from django.contrib.auth.models import User
from django.http import Http404
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView

from tenants import selectors
from tenants.models import ApiToken, Function, Membership, Role, Tenant


class TenantView(GenericAPIView):  # type: ignore[type-arg]  # one base for views of many models
    """A view below `tenants/{slug}/`."""

    @property
    def person(self) -> User:
        """Return who is asking; the permission class has made sure that it is somebody."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def membership(self, *, may_write: bool = False) -> Membership:
        """Return the person's membership of the tenant in the URL, 404 when there is none.

        A token made for one tenant sees no other; `may_write` refuses viewers with 403.
        """
        found = selectors.membership_or_404(self.person, self.kwargs["slug"])
        token = self.request.auth
        if isinstance(token, ApiToken) and token.tenant_id not in (None, found.tenant_id):
            raise Http404
        if may_write and found.role == Role.VIEWER:
            raise PermissionDenied("A viewer cannot change anything here.")
        return found

    def tenant(self, *, may_write: bool = False) -> Tenant:
        """Return the tenant in the URL."""
        return self.membership(may_write=may_write).tenant

    def function(self, *, may_write: bool = False) -> Function:
        """Return the function in the URL."""
        return selectors.function_or_404(self.tenant(may_write=may_write), self.kwargs["name"])
