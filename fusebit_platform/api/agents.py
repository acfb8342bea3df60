"""What users and clients have in common on the wire (contract 4.5)."""

from typing import Any, ClassVar

from django.http import HttpResponse
from pydantic import model_validator

from fusebit_platform.api.base import ANY_AGENT, Endpoint
from fusebit_platform.api.transport import answer, nothing
from fusebit_platform.authorization import Statement
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import agents
from fusebit_platform.services.agents import AgentInput, Filters
from fusebit_platform.validation import Name, Resource, Shape, Text


class IdentityShape(Shape):
    """Who a token must name to belong to the agent; the guide's spelling `iss` and `sub` is understood too."""

    issuer_id: Name
    subject: Name

    @model_validator(mode="before")
    @classmethod
    def _from_claims(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {"iss", "sub"}:
            return {"issuerId": value["iss"], "subject": value["sub"]}
        return value


class StatementShape(Shape):
    """An entry of an allow list."""

    action: Name
    resource: Resource


class AccessShape(Shape):
    """What an agent may do."""

    allow: list[StatementShape]


class AgentBody(Shape):
    """What bodies of users and clients share."""

    identities: list[IdentityShape] = []
    access: AccessShape = AccessShape(allow=[])

    def wanted(self) -> AgentInput:
        """Return what the body says."""
        said = self.model_fields_set
        scalars = self.model_dump(by_alias=True, exclude={"identities", "access", "id"}, exclude_unset=True)
        return AgentInput(
            scalars=scalars,
            identities=[(row.issuer_id, row.subject) for row in self.identities] if "identities" in said else None,
            access=self.statements() if "access" in said else None,
        )

    def statements(self) -> list[Statement]:
        """Return the access as it was sent."""
        return [Statement(row.action, row.resource) for row in self.access.allow]


class Agents(Endpoint):
    """`A/user` and `A/client`"""

    kind: ClassVar[str]
    takes_query = frozenset({"GET"})

    def get(self) -> HttpResponse:
        """List the agents."""
        said = self.query.said
        email = said("email") if self.kind == "user" else None  # clients have none
        filters = Filters(name=said("name"), email=email, issuer_id=said("issuer_id"), subject=said("subject"))
        return answer(
            agents.list_agents(
                account_id=self.ids["accountId"],
                kind=self.kind,
                filters=filters,
                full=self.query.include == "all",
                count=self.query.count,
                next_token=said("next"),
            )
        )

    def post(self) -> HttpResponse:
        """Create an agent with its identities and access."""
        body: AgentBody = self.body
        agents.check_grants(caller=self.caller, access=body.statements())
        return answer(agents.add(account_id=self.ids["accountId"], kind=self.kind, wanted=body.wanted()))


class Agent(Endpoint):
    """`A/user/{userId}` and `A/client/{clientId}`"""

    kind: ClassVar[str]

    @property
    def names(self) -> dict[str, str]:
        """Account, kind and agent of the path."""
        return {
            "account_id": self.ids["accountId"],
            "kind": self.kind,
            "agent_id": self.ids[f"{self.kind}Id"],
        }

    def get(self) -> HttpResponse:
        """Return the agent."""
        return answer(agents.get(**self.names))

    def patch(self) -> HttpResponse:
        """Change the agent."""
        body: Any = self.body
        agents.check_grants(caller=self.caller, access=body.statements())
        agent_id = self.ids[f"{self.kind}Id"]
        if body.id and body.id != agent_id:
            raise BadRequest(
                f"The {self.kind}Id in the body '{body.id}' does not match the {self.kind}Id in the URL '{agent_id}'"
            )
        return answer(agents.update(**self.names, wanted=body.wanted()))

    def delete(self) -> HttpResponse:
        """Delete the agent."""
        agents.remove(**self.names)
        return nothing()


class Me(Endpoint):
    """`A/me`"""

    actions = {"GET": ANY_AGENT}

    def get(self) -> HttpResponse:
        """Return the calling agent."""
        return answer(agents.me(caller=self.caller))


class UserBody(AgentBody):
    """The body of POST on users."""

    first_name: Text = ""
    last_name: Text = ""
    primary_email: Text = ""


class UserChange(UserBody):
    """The body of PATCH on a user."""

    id: Text = ""


class ClientBody(AgentBody):
    """The body of POST on clients."""

    display_name: Text = ""


class ClientChange(ClientBody):
    """The body of PATCH on a client."""

    id: Text = ""
