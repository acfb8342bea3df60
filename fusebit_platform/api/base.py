"""The one base of all endpoints: checks in the contract's order, and nothing without permission (contract 1.4)."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework.views import APIView

from fusebit_platform import authentication, resources
from fusebit_platform.api import bodies, client_version, parameters, transport
from fusebit_platform.authentication import Caller, ExcessivePermissions
from fusebit_platform.errors import NotFound, PlatformError, Unauthorized
from fusebit_platform.services import audit, policies
from fusebit_platform.validation import Shape, validate

log = logging.getLogger(__name__)

PUBLIC = "public"  # needs no token
ANY_AGENT = "any agent"  # any valid token of the account
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ACCOUNT_HEADER = "fusebit-authorization-account-id"


class Endpoint(APIView):
    """A route of the contract.

    `actions` names what each method requires; a method without an entry is refused whatever the caller may do. Handlers
    get no arguments: `ids`, `query`, `payload` and `caller` have passed every check when a handler runs.
    """

    authentication_classes = ()
    permission_classes = ()

    actions: ClassVar[dict[str, str]] = {}
    shapes: ClassVar[dict[str, type[Shape]]] = {}
    forms: ClassVar[dict[str, tuple[type[Shape], ...]]] = {}  # of bodies that the endpoint reads itself
    body_limit: ClassVar[int] = bodies.DEFAULT_LIMIT
    takes_query: ClassVar[frozenset[str]] = frozenset()  # methods whose query is checked
    query_shape: ClassVar[type[Shape]] = parameters.ManagementQuery
    token_in_query: ClassVar[bool] = False  # for readers that can not send headers
    query_first: ClassVar[bool] = False  # together with the path, before the token
    parsed_first: ClassVar[frozenset[str]] = frozenset()  # methods whose body must be JSON before the token counts
    gated_first: ClassVar[frozenset[str]] = frozenset()  # methods whose client is checked before the body
    body_first: ClassVar[bool] = False  # read before the token is looked at
    gated: ClassVar[frozenset[str]] = frozenset()  # methods that check the client's version
    traced: ClassVar[bool] = True

    ids: dict[str, str]
    query: Any  # as `query_shape`
    payload: Any
    body: Any  # the payload as the shape in `shapes`
    caller: Caller

    def dispatch(self, request: HttpRequest, *_args: Any, **raw: str) -> HttpResponse:
        """Answer the request; every error becomes the contract's body."""
        self.http = request
        self.query = parameters.ManagementQuery()
        if request.method == "OPTIONS":
            response = transport.preflight(request)
        else:
            try:
                response = self._checked(raw)()
            except PlatformError as error:
                response = transport.answer(error.body(), error.status)
            except Exception:
                log.exception("An unexpected error answered as 500")
                response = transport.answer(PlatformError().body(), PlatformError.status)
            if self.traced:
                transport.add_trace_id(request, response)
            response = transport.add_etag(request, response)
        transport.allow_every_origin(response)
        return response

    def _checked(self, raw: dict[str, str]) -> Callable[[], HttpResponse]:
        """Make every check in its order and return the handler."""
        method = "GET" if self.http.method == "HEAD" else str(self.http.method)
        handler = getattr(self, method.lower(), None) if method in METHODS else None
        if handler is None:
            raise NotFound
        self.ids = parameters.decode(raw)
        self.check_path(method)
        self._before_the_token(method)
        self.authorise(method)
        self._after_the_token(method)
        found: Callable[[], HttpResponse] = handler
        return found

    def _before_the_token(self, method: str) -> None:
        if self.query_first:
            self.check_query(method)
        if method in self.parsed_first:
            bodies.read(self.http, self.body_limit)
        if self.body_first:
            self.read_body(method)

    def _after_the_token(self, method: str) -> None:
        if method in self.gated_first:
            client_version.check(self.http)
        if not self.body_first:
            self.read_body(method)
        if not self.query_first:
            self.check_query(method)
        if method in self.gated:
            client_version.check(self.http)

    def check_path(self, _method: str) -> None:
        """Check the parameters of the path against their patterns."""
        parameters.check_path(self.ids)

    def authorise(self, method: str) -> None:
        """Raise Unauthorized unless the caller may do what the method requires."""
        action = self.actions.get(method)
        if action == PUBLIC:
            return
        self.caller = self.authenticate()
        if action is None:
            raise Unauthorized
        if action == ANY_AGENT:
            own = f"{resources.account_path(self.caller.account_id)}{self.caller.kind}/{self.caller.agent_id}/"
            seen = authentication.Check(f"{self.caller.kind}:get", own, authorized=True)
            audit.record(self.caller, [*self.caller.checks, seen])
        else:
            audit.ensure_authorized(self.caller, action, self.resource())

    def authenticate(self) -> Caller:
        """Return the caller, found in the account of the path or in the one that a header names (contract 2.1)."""
        account_id = self.http.headers.get(ACCOUNT_HEADER) or self.ids.get("accountId", "")
        token = self.token()
        if token is None or not resources.matches(resources.ACCOUNT_ID, account_id):
            raise Unauthorized
        try:
            caller = authentication.authenticate(token, account_id)
        except ExcessivePermissions as error:
            audit.record(error.caller, error.caller.checks)
            raise Unauthorized from None
        if "boundaryId" in self.ids:
            place = {"subscription_id": self.ids["subscriptionId"], "boundary_id": self.ids["boundaryId"]}
            policies.refuse_key(kid=caller.kid, **place)
        return caller

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.http.headers.get("Authorization")

    def token(self) -> str | None:
        """Return the token of the request, where the route allows it that of the query, or None."""
        token = authentication.bearer(self.authorization)
        if token is None and self.token_in_query:
            asked = self.raw_query().get("token")
            token = asked if isinstance(asked, str) else None
        return token

    def resource(self) -> str:
        """Return what the request is about: its raw path without `/v1` (contract 3.3)."""
        return self.http.path_info[len("/v1") :]

    def read_body(self, method: str) -> None:
        """Read the JSON body and check its shape."""
        if method in {"POST", "PUT", "PATCH"}:
            self.payload = bodies.read(self.http, self.body_limit)
        shape = self.shapes.get(method)
        if shape is not None and not self.body_first:
            self.body = validate(shape, self.payload)

    def check_query(self, method: str) -> None:
        """Check the query against the parameters that lists have."""
        if method in self.takes_query:
            self.query = validate(self.query_shape, self.raw_query())

    def raw_query(self) -> dict[str, Any]:
        """Return the parameters of the query before any check."""
        return parameters.read_query(self.http.META.get("QUERY_STRING", ""))

    @property
    def base_url(self) -> str:
        """The server's address as the caller named it."""
        return transport.base_url(self.http)
