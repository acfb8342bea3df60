"""What Fusebit says about our client and our issuer, and what an account admin types where something is missing."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fusebit_bridge import connection, extensions, issuers, tokens
from fusebit_bridge.agents import ask_me
from fusebit_bridge.errors import Missing
from fusebit_bridge.models import TenantIssuer
from fusebit_bridge.permissions import Statement


@dataclass(frozen=True)
class ClientStanding:
    """Who the client is at Fusebit, and the statements it lacks: without the first it cannot work, without the second
    it works less well."""

    agent_id: str
    lacks: tuple[Statement, ...]
    could_use: tuple[Statement, ...]

    def commands(self) -> list[str]:
        """Return what an account admin types, one line for each statement."""
        missing = (*self.lacks, *self.could_use)
        return [
            f"fuse client access add {self.agent_id} '{statement.action}' -r {statement.resource}"
            for statement in missing
        ]


@dataclass(frozen=True)
class IssuerStanding:
    """Which issuer people's identities live under, and whether Fusebit takes our present key for it.

    `serves` is None where the client may not look.
    """

    issuer_id: str
    is_ours: bool
    key_id: str
    serves: bool | None


def client_standing() -> ClientStanding:
    """Ask Fusebit what the client may do; raise Refused when it does not know the client."""
    client = connection.imported()
    account, subscription = connection.account_of(client), connection.subscription_of(client)
    agent = ask_me(connection.requestor(client.base_url), connection.client_source(client), account)
    needed = {Statement(f"user:{verb}", account.users().resource) for verb in ("get", "add", "update", "delete")}
    needed.add(Statement("function:*", subscription.resource))
    useful: set[Statement] = set()
    ours = TenantIssuer.objects.filter(is_ours=True).first()
    if ours is not None:
        useful.add(Statement("issuer:*", account.issuer(ours.issuer_id).resource))
    if "policy" in extensions.ask().names:
        useful.add(Statement("policy:update", subscription.resource))
    return ClientStanding(agent.id, agent.lacks(needed), agent.lacks(useful))


def issuer_standing() -> IssuerStanding:
    """Ask Fusebit for the issuer in use; raise NotConfigured before there is one."""
    client, row = connection.imported(), connection.issuer()
    source = connection.client_source(client)
    account = connection.account_of(client)
    path = account.issuer(row.issuer_id)
    agent = ask_me(connection.requestor(client.base_url), source, account)
    serves: bool | None = None
    if agent.may("issuer:get", path.resource):
        try:
            token = tokens.keep_issuer(source, path, "get")
            present = connection.requestor(client.base_url).ask("GET", path, token=token).json()
        except Missing:
            present = {}
        serves = issuers.serves(present, row.as_registration())
    return IssuerStanding(row.issuer_id, row.is_ours, row.key.key_id, serves)


def where() -> str:
    """Return scheme, host and port of the Fusebit in use."""
    parts = urlsplit(connection.imported().base_url)
    return f"{parts.scheme}://{parts.netloc}"
