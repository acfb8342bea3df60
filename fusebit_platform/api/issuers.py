"""Issuers (contract 4.4)."""

from typing import Annotated

from django.http import HttpResponse

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer, nothing
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import issuers
from fusebit_platform.services.issuers import IssuerInput
from fusebit_platform.validation import Shape, Text, at_least, at_most


class PublicKey(Shape):
    """A key with its id."""

    key_id: Text
    public_key: Text


class NewIssuer(Shape):
    """The body of POST."""

    display_name: Text = ""
    json_keys_url: Text = ""
    public_keys: Annotated[list[PublicKey], at_least(1), at_most(3)] = []

    def wanted(self) -> IssuerInput:
        """Return what the body says."""
        return IssuerInput(
            display_name=self.display_name or None,
            json_keys_url=self.json_keys_url or None,
            public_keys=[key.model_dump(by_alias=True) for key in self.public_keys],
        )


class IssuerChange(NewIssuer):
    """The body of PATCH."""

    id: Text = ""


class Issuers(Endpoint):
    """`A/issuer`"""

    actions = {"GET": "issuer:get"}
    takes_query = frozenset({"GET"})

    def get(self) -> HttpResponse:
        """List the issuers."""
        page = {"count": self.query.count, "next_token": self.query.said("next")}
        return answer(issuers.list_issuers(account_id=self.ids["accountId"], name=self.query.said("name"), **page))


class Issuer(Endpoint):
    """`A/issuer/{issuerId}`; the id is percent-encoded in the path and in the resource."""

    actions = {
        "GET": "issuer:get",
        "POST": "issuer:add",
        "PATCH": "issuer:update",
        "DELETE": "issuer:delete",
    }
    shapes = {"POST": NewIssuer, "PATCH": IssuerChange}

    @property
    def names(self) -> dict[str, str]:
        """Account and issuer of the path."""
        return {"account_id": self.ids["accountId"], "issuer_id": self.ids["issuerId"]}

    def get(self) -> HttpResponse:
        """Return the issuer."""
        return answer(issuers.get(**self.names))

    def post(self) -> HttpResponse:
        """Register the issuer."""
        issuers.add(**self.names, wanted=self.body.wanted())
        return answer({**self.payload, "id": self.ids["issuerId"]})

    def patch(self) -> HttpResponse:
        """Change the issuer."""
        body: IssuerChange = self.body
        if body.id and body.id != self.ids["issuerId"]:
            raise BadRequest(
                f"The issuerId in the body '{body.id}' does not match the issuerId in the URL '{self.ids['issuerId']}'"
            )
        return answer(issuers.update(**self.names, wanted=body.wanted()))

    def delete(self) -> HttpResponse:
        """Forget the issuer."""
        issuers.remove(**self.names)
        return nothing()
