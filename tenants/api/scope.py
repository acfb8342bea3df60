"""Loads and authorises in one step: every look-up of the API begins here."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.http import Http404
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.fields import IntegerField
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from tenants import selectors
from tenants.models import ApiToken, Function, Membership, Scope, Tenant
from tenants.services import roles, tokens

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class TenantView(GenericAPIView):  # type: ignore[type-arg]  # one base for views of many models
    """A view below `tenants/{slug}/`.

    `needs` is the token scope of methods that change something; `query` the names that may stand after `?`.
    """

    needs: ClassVar[str] = Scope.WRITE
    query: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and throttle, then look at the scope of the token and at the names in the query."""
        super().initial(request, *args, **kwargs)
        wanted = Scope.READ if request.method in SAFE else self.needs
        if isinstance(request.auth, ApiToken) and not tokens.allows(request.auth, wanted):
            raise PermissionDenied(
                f"This token may {request.auth.scope}; “{wanted}” is needed here.", code="scope_missing"
            )
        for name, values in request.query_params.lists():
            if name not in self.query or len(values) > 1:
                raise ValidationError({name: ["There is no such parameter, or it is given twice."]})

    @property
    def person(self) -> User:
        """Return who is asking; the permission class has made sure that it is somebody."""
        user = self.request.user
        if not isinstance(user, User):
            raise PermissionDenied
        return user

    def membership(self, *, may_write: bool = False, may_manage: bool = False) -> Membership:
        """Return the person's membership of the tenant in the URL, 404 when there is none.

        A token made for one tenant sees no other; `may_write` refuses viewers and `may_manage` everybody but owners,
        with 403 and a row in the audit trail.
        """
        found = selectors.membership_or_404(self.person, self.kwargs["slug"])
        token = self.request.auth
        if isinstance(token, ApiToken) and token.tenant_id not in (None, found.tenant_id):
            raise Http404
        what = f"{self.request.method} {self.request.path}"
        refused = roles.refusal(found, what, may_write=may_write, may_manage=may_manage)
        if refused is not None:
            raise PermissionDenied(refused.message, code=refused.code)
        return found

    def tenant(self, *, may_write: bool = False, may_manage: bool = False) -> Tenant:
        """Return the tenant in the URL."""
        return self.membership(may_write=may_write, may_manage=may_manage).tenant

    def function(self, *, may_write: bool = False) -> Function:
        """Return the function in the URL."""
        return selectors.function_or_404(self.tenant(may_write=may_write), self.kwargs["name"])

    def number(self, name: str) -> int | None:
        """Return the parameter `name` of the query as a whole number; None when it is not given."""
        given = self.request.query_params.get(name)
        if given is None:
            return None
        try:
            return int(IntegerField(min_value=1, max_value=2_000_000_000).run_validation(given))
        except ValidationError as error:
            raise ValidationError({name: error.detail}) from None
