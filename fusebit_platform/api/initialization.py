"""Init tokens and what they are exchanged for (contract 4.7)."""

from typing import Any, ClassVar, Literal

from django.http import HttpResponse
from pydantic import ConfigDict, ValidationError

from fusebit_platform import authentication
from fusebit_platform.api import transport
from fusebit_platform.api.base import PUBLIC, Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.services import initialization
from fusebit_platform.services.initialization import Answer, Invitation
from fusebit_platform.validation import BoundaryId, Forbidden, FunctionId, Shape, SubscriptionId, Text, validate

Protocol = Literal["pki", "oauth"]


class LegacyInit(Shape):
    """The old body of POST `…/init`: ids that the profile will have as defaults."""

    subscription_id: SubscriptionId = ""
    boundary_id: BoundaryId = ""
    function_id: FunctionId = ""


class OAuthShape(Shape):
    """Where to sign in by OAuth."""

    model_config = ConfigDict(extra="allow")

    web_authorization_url: Text = ""
    web_client_id: Text = ""
    web_logout_url: Text = ""
    device_authorization_url: Text = ""
    device_client_id: Text = ""
    token_url: Text = ""


class ProfileShape(Shape):
    """The profile to be; keys that are not known are kept."""

    model_config = ConfigDict(extra="allow")

    id: FunctionId = ""
    display_name: Text = ""
    subscription: SubscriptionId = ""
    boundary: BoundaryId = ""
    function: FunctionId = ""


class PkiProfile(ProfileShape):
    """The profile of somebody with a key."""

    oauth: Forbidden = None


class OAuthProfile(ProfileShape):
    """The profile of somebody who signs in elsewhere."""

    oauth: OAuthShape


class PkiInit(Shape):
    """The body of POST `…/init` for a key."""

    protocol: Protocol
    profile: PkiProfile


class OAuthInit(Shape):
    """The body of POST `…/init` for signing in elsewhere."""

    protocol: Protocol
    profile: OAuthProfile


class PkiAnswer(Shape):
    """The body of POST `A/init` with a key of one's own."""

    protocol: Protocol
    access_token: Text
    public_key: Text


class OAuthAnswer(Shape):
    """The body of POST `A/init` with a token of a registered issuer."""

    protocol: Protocol
    access_token: Text


class LegacyAnswer(Shape):
    """The old body of POST `A/init`."""

    public_key: Text
    key_id: Text


class AgentInit(Endpoint):
    """`A/user/{userId}/init` and `A/client/{clientId}/init`"""

    kind: ClassVar[str]
    forms = {"POST": (PkiInit, OAuthInit, LegacyInit)}

    def read_body(self, method: str) -> None:
        """Take either form of the body; mistakes in the old one are reported as a missing protocol."""
        super().read_body(method)
        self.body = read_invitation(self.payload)

    def post(self) -> HttpResponse:
        """Return an init token as a JSON string."""
        protocol, profile = self.body
        invitation = Invitation(
            protocol=protocol,
            profile=profile,
            base_url=self.stated_base_url(),
            host=transport.host_name(self.http),
        )
        return answer(
            initialization.begin(
                account_id=self.ids["accountId"],
                kind=self.kind,
                agent_id=self.ids[f"{self.kind}Id"],
                invitation=invitation,
            )
        )

    def stated_base_url(self) -> str:
        """Return the address for the profile: the forwarded protocol or http, whatever the socket is."""
        forwarded = self.http.headers.get("X-Forwarded-Proto")
        return self.base_url if forwarded else f"http://{transport.host(self.http)}"


def read_invitation(payload: Any) -> tuple[initialization.Protocol, dict[str, Any]]:
    """Return protocol and profile of either form."""
    if isinstance(payload, dict) and "protocol" not in payload:
        try:
            LegacyInit.model_validate(payload)
        except ValidationError:
            pass
        else:
            return "legacy", payload
    by_oauth = isinstance(payload, dict) and payload.get("protocol") == "oauth"
    shape = validate(OAuthInit, payload) if by_oauth else validate(PkiInit, payload)
    return shape.protocol, payload["profile"]


class Resolve(Endpoint):
    """`A/init`"""

    actions = {"POST": PUBLIC}  # the init token is all the permission there is
    body_first = True
    forms = {"POST": (PkiAnswer, OAuthAnswer, LegacyAnswer)}

    def read_body(self, method: str) -> None:
        """Take either form of the body."""
        super().read_body(method)
        self.body = read_answer(self.payload)

    def post(self) -> HttpResponse:
        """Exchange the init token for an identity; return the agent."""
        token = authentication.bearer(self.http.headers.get("Authorization"))
        return answer(initialization.resolve(account_id=self.ids["accountId"], init_token=token, answer=self.body))


def read_answer(payload: Any) -> Answer:
    """Return what the body says; whatever is no complete old form is read as the current one."""
    if isinstance(payload, dict) and "protocol" not in payload:
        try:
            legacy = LegacyAnswer.model_validate(payload)
            return Answer(protocol="legacy", public_key=legacy.public_key, key_id=legacy.key_id)
        except ValidationError:
            pass
    if isinstance(payload, dict) and payload.get("protocol") == "oauth":
        oauth = validate(OAuthAnswer, payload)
        return Answer(protocol="oauth", access_token=oauth.access_token)
    pki = validate(PkiAnswer, payload)
    return Answer(protocol="pki", access_token=pki.access_token, public_key=pki.public_key)
