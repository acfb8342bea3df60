"""The seed file: a JSON object that says who is there at the first start."""

from typing import Annotated, Any

from fusebit_platform import resources
from fusebit_platform.api.agents import AccessShape, IdentityShape
from fusebit_platform.api.issuers import PublicKey
from fusebit_platform.commands.errors import CommandError
from fusebit_platform.errors import BadRequest
from fusebit_platform.validation import AccountId, Name, Object, Shape, SubscriptionId, Text, matching, validate


class AccountSeed(Shape):
    """The account."""

    id: AccountId
    display_name: Text = ""
    primary_email: Text = ""


class SubscriptionSeed(Shape):
    """The subscription."""

    id: SubscriptionId
    display_name: Text = ""
    limits: Object = {}
    flags: Object = {}


class IssuerSeed(Shape):
    """An issuer."""

    id: Name
    display_name: Text = ""
    json_keys_url: Text = ""
    public_keys: list[PublicKey] = []


class UserSeed(Shape):
    """The operator."""

    id: Annotated[str, matching(resources.USER_ID)] = ""
    first_name: Text = ""
    last_name: Text = ""
    primary_email: Text = ""
    identities: list[IdentityShape] = []
    access: AccessShape = AccessShape(allow=[])


class ClientSeed(Shape):
    """A client."""

    id: Annotated[str, matching(resources.CLIENT_ID)] = ""
    display_name: Text = ""
    identities: list[IdentityShape] = []
    access: AccessShape = AccessShape(allow=[])


class RegistrySeed(Shape):
    """The account's npm registry."""

    id: Text = "default"
    scopes: list[Text] = []


class Seed(Shape):
    """The whole file."""

    base_url: Text = ""
    audience: Text = ""
    account: AccountSeed
    subscription: SubscriptionSeed
    issuer: IssuerSeed
    user: UserSeed
    registry: RegistrySeed = RegistrySeed()
    issuers: list[IssuerSeed] = []
    clients: list[ClientSeed] = []


def check(content: dict[str, Any]) -> dict[str, Any]:
    """Return the seed; raise CommandError when it is no usable one."""
    try:
        seed = validate(Seed, content)
    except BadRequest as error:
        raise CommandError(f"The seed file is not usable: {error.message}.") from None
    return seed.model_dump(by_alias=True, exclude_unset=True)
