"""The account's npm registry: scopes and address (contract 7.5)."""

from typing import Annotated

from django.http import HttpResponse

from fusebit_platform.api import parameters
from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer, nothing
from fusebit_platform.services import accounts, registries
from fusebit_platform.validation import Shape, Text, matching

SCOPE = r"^@[a-z0-9-]{2,20}$"


class RegistryBody(Shape):
    """The body of PUT."""

    scopes: list[Annotated[str, matching(SCOPE)]]
    url: Text = ""


class Registry(Endpoint):
    """`A/registry/default`"""

    actions = {"GET": "registry:get", "PUT": "registry-config:put"}
    shapes = {"PUT": RegistryBody}
    gated = frozenset({"GET", "PUT"})

    def check_path(self, method: str) -> None:
        """Check the name of the registry alone where it is changed (contract 1.4)."""
        parameters.check_path({"registryId": self.ids["registryId"]} if method == "PUT" else self.ids)

    def get(self) -> HttpResponse:
        """Return scopes and address."""
        account = accounts.require(self.ids["accountId"])
        return answer(registries.get(account=account, request_path=self.http.path_info))

    def put(self) -> HttpResponse:
        """Replace the account's own scopes."""
        registries.put(account=accounts.require(self.ids["accountId"]), scopes=self.body.scopes)
        return nothing(200)
