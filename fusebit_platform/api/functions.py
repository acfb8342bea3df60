"""Functions: specification, list, location, builds, redirect (contract 5)."""

import re
from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import AfterValidator

from fusebit_platform import configuration
from fusebit_platform.api import bodies, parameters
from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.specification import FunctionBody
from fusebit_platform.api.transport import answer, nothing
from fusebit_platform.errors import BadRequest, BodyTooLarge
from fusebit_platform.services import builds, functions, redirects, tasks
from fusebit_platform.services.functions import Address, Listing
from fusebit_platform.validation import Shape, Text, validate, wrong

EVERY_METHOD = frozenset({"GET", "PUT", "POST", "DELETE"})
MATCHED = {"subscriptionId": "subscriptionId", "boundaryId": "boundaryId", "id": "functionId"}


class FunctionEndpoint(Endpoint):
    """What is addressed below a function."""

    gated = EVERY_METHOD

    @property
    def address(self) -> Address:
        """Where the function is."""
        return Address(
            account_id=self.ids["accountId"],
            subscription_id=self.ids["subscriptionId"],
            boundary_id=self.ids["boundaryId"],
            function_id=self.ids["functionId"],
            base_url=self.base_url,
        )


class Function(FunctionEndpoint):
    """`F`"""

    actions = {"GET": "function:get", "PUT": "function:put", "DELETE": "function:delete"}
    shapes = {"PUT": FunctionBody}
    body_limit = bodies.FUNCTION_LIMIT

    def get(self) -> HttpResponse:
        """Return the specification."""
        include = parameters.read_query(self.http.META.get("QUERY_STRING", "")).get("include")
        if include == "task":
            return answer(tasks.routes(address=self.address))
        return answer(functions.get(address=self.address, full=include == "all"))

    def put(self) -> HttpResponse:
        """Make the function be what the body says."""
        sent: dict[str, Any] = self.payload
        for name, parameter in MATCHED.items():
            if name in sent and sent[name] != self.ids[parameter]:
                raise BadRequest(
                    f"The {name} in the body '{sent[name]}' does not match the {parameter} in the URL "
                    f"'{self.ids[parameter]}'"
                )
        body: FunctionBody = self.body
        outcome = builds.put(caller=self.caller, address=self.address, body=body.cleaned(sent))
        if outcome is None:
            return nothing()
        return answer(outcome, 201 if "buildId" in outcome else 200)

    def delete(self) -> HttpResponse:
        """Delete the function."""
        functions.remove(address=self.address)
        return nothing()


class Functions(Endpoint):
    """`B/function`"""

    actions = {"GET": "function:get"}
    takes_query = frozenset({"GET"})

    def get(self) -> HttpResponse:
        """List the functions."""
        if self.query.count < 0:
            raise BadRequest(f"The limit value '{self.query.count}' is invalid; must be a positive number")
        cron = self.query.cron
        return answer(
            functions.list_functions(
                Listing(
                    account_id=self.ids["accountId"],
                    subscription_id=self.ids["subscriptionId"],
                    boundary_id=self.ids.get("boundaryId"),
                    base_url=self.base_url,
                    count=self.query.count,
                    next_token=self.query.said("next"),
                    cron=cron in {"true", "1"} if cron is not None else None,
                    search=parameters.raw_values(self.http.META.get("QUERY_STRING", ""), "search"),
                    full=self.query.include == "all",
                )
            )
        )


class SubscriptionFunctions(Functions):
    """`S/function`"""

    gated = EVERY_METHOD


class Task(FunctionEndpoint):
    """`F/task/{taskId}`"""

    actions = {"GET": "function:schedule"}

    def get(self) -> HttpResponse:
        """Return how far a task got."""
        return answer(tasks.get(address=self.address, task_id=self.ids["taskId"]))


class Location(FunctionEndpoint):
    """`F/location`"""

    actions = {"GET": "function:get"}

    def get(self) -> HttpResponse:
        """Return the execution URL; whether the function exists is not asked."""
        return answer({"location": self.address.location()})


class Builds(FunctionEndpoint):
    """`F/build`"""

    actions = {"POST": "function:put"}

    def read_body(self, method: str) -> None:
        """Accept no body at all."""
        if self.http.body:
            raise BodyTooLarge

    def post(self) -> HttpResponse:
        """Build the stored specification again."""
        build = builds.rebuild(address=self.address)
        return nothing() if build is None else answer(build, 201)


class Build(FunctionEndpoint):
    """`F/build/{buildId}`"""

    actions = {"GET": "function:get"}

    def get(self) -> HttpResponse:
        """Return how a build is going; those that were done within the PUT are not kept."""
        return answer(*builds.get(address=self.address, build_id=self.ids["buildId"]))


def _tunnel(value: str) -> str:
    if not re.fullmatch(configuration.current().tunnel_pattern, value):
        raise wrong("Unsupported tunnel endpoint")
    return value


class RedirectBody(Shape):
    """The body of POST on a redirect."""

    redirect_url: Annotated[Text, AfterValidator(_tunnel)]


class Redirect(FunctionEndpoint):
    """`F/redirect`"""

    actions = {"GET": "function:get", "POST": "function:redirect", "DELETE": "function:redirect"}
    gated_first = frozenset({"POST"})
    forms = {"POST": (RedirectBody,)}

    def get(self) -> HttpResponse:
        """Return where runs go instead, if anywhere."""
        return answer(redirects.get(address=self.address))

    def post(self) -> HttpResponse:
        """Send runs elsewhere until the function changes."""
        try:
            body = validate(RedirectBody, self.payload)
        except BadRequest as error:
            raise BadRequest(error.message.replace('"redirectUrl" Unsupported', "Unsupported")) from None
        if not redirects.put(address=self.address, url=body.redirect_url):
            return answer({"message": "Function not found"}, 404)
        return answer({"redirectUrl": body.redirect_url})

    def delete(self) -> HttpResponse:
        """Let runs come back."""
        redirects.remove(address=self.address)
        return nothing(200)
