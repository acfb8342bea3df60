"""From rows to a working connection: the imported client, its Fusebit, and who signs."""

from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db.models import Q

from fusebit_bridge import keyring, tokens
from fusebit_bridge.authorization_server import AuthorizationServerSource
from fusebit_bridge.client import Requestor
from fusebit_bridge.errors import NotConfigured
from fusebit_bridge.models import Client, SigningKey, TenantIssuer
from fusebit_bridge.pace import Pace
from fusebit_bridge.provisioner import Provisioner
from fusebit_bridge.resources import Account, Subscription
from fusebit_bridge.tenant_session import TenantSession
from fusebit_bridge.tokens import KeySource, TokenSource

SUBJECT_LIMIT = 512
SLOWEST = 0.1  # requests in a second
_pace: Pace | None = None


@lru_cache(maxsize=4)
def requestor(base_url: str) -> Requestor:
    """Return this process's connections to that Fusebit."""
    made = Requestor(base_url)
    made.pace = _pace
    return made


def keep_pace(rate: float) -> None:
    """Let this process send no more than so many requests in a second, from now on."""
    global _pace  # one budget for one process
    _pace = Pace(max(rate, SLOWEST))
    requestor.cache_clear()


def imported() -> Client:
    """Return the imported client; raise NotConfigured before `import_client`."""
    client = Client.objects.select_related("key").first()
    if client is None:
        raise NotConfigured
    return client


def account_of(client: Client) -> Account:
    """Return the account that the client belongs to."""
    return Account.of(client.account_id)


def subscription_of(client: Client) -> Subscription:
    """Return the subscription that tenants' boundaries are in."""
    return account_of(client).subscription(client.subscription_id)


def client_source(client: Client) -> TokenSource:
    """Return who gives tokens of the client: the authorization server, where one is configured, else the client's key.

    Decrypting the key, or reading the secret, is for the worker's process.
    """
    if settings.FUSEBIT_TOKEN_URL:
        return authorization_server(client.audience)
    if client.key is None:
        raise NotConfigured("The imported client has no key of its own: FUSEBIT_TOKEN_URL must be set.")
    return KeySource(
        keyring.load(client.key),
        issuer_id=client.issuer_id,
        subject=client.subject,
        audience=client.audience,
        clock=requestor(client.base_url).now,
    )


@lru_cache(maxsize=4)
def authorization_server(audience: str) -> AuthorizationServerSource:
    """Return the configured authorization server, for tokens that Fusebit takes."""
    return AuthorizationServerSource(
        settings.FUSEBIT_TOKEN_URL,
        client_id=settings.FUSEBIT_CLIENT_ID,
        client_secret=settings.FUSEBIT_CLIENT_SECRET.read(),
        audience=audience,
        scope=settings.FUSEBIT_TOKEN_SCOPE,
    )


def forget_authorization_server() -> None:
    """Drop its token and its secret."""
    authorization_server.cache_clear()


def provisioner_of(client: Client) -> Provisioner:
    """Return a provisioner that signs as the client."""
    return Provisioner(requestor(client.base_url), client_source(client), account_of(client), subscription_of(client))


def issuer(issuer_id: str = "") -> TenantIssuer:
    """Return the issuer of tenants' identities: the named one, else the one in use.

    Raise NotConfigured before `import_client`, and, to be tried again, until it is known which issuer Fusebit
    accepts.
    """
    issuers = TenantIssuer.objects.select_related("key")
    row = issuers.filter(issuer_id=issuer_id).first() if issuer_id else issuers.filter(chosen=True).first()
    if row is not None:
        return row
    if issuers.exists():
        raise NotConfigured("The issuer of our users is not registered at Fusebit so far.", retriable=True)
    raise NotConfigured


def keys_in_use() -> list[SigningKey]:
    """Return the rows of the keys that sign now."""
    used = Q(pk__in=Client.objects.values("key")) | Q(pk__in=TenantIssuer.objects.filter(chosen=True).values("key"))
    return list(SigningKey.objects.filter(used).order_by("purpose"))


def issuer_ids() -> frozenset[str]:
    """Return the issuers of tenants' identities, past ones included."""
    return frozenset(TenantIssuer.objects.values_list("issuer_id", flat=True))


def tenant_session(subject: str, boundary_id: str, issuer_id: str = "", generation: int = 0) -> TenantSession:
    """Return a session of one person in one boundary, signed with the key of the person's issuer."""
    client = imported()
    source = tenant_source(client, subject, issuer_id, generation)
    boundary = subscription_of(client).boundary(boundary_id)
    return TenantSession(requestor(client.base_url), source, boundary, boundary_id, settings.FUSEBIT_RUN_ORIGINS)


def client_session(boundary_id: str) -> TenantSession:
    """Return a session that signs as the client, for a boundary that nobody is left to sign for."""
    client = imported()
    boundary = subscription_of(client).boundary(boundary_id)
    return TenantSession(
        requestor(client.base_url), client_source(client), boundary, boundary_id, settings.FUSEBIT_RUN_ORIGINS
    )


def call_token(subject: str, boundary_id: str, name: str, expires_at: datetime, issuer_id: str = "") -> str:
    """Return a token to hand out: it calls one function until it expires, or until the user is deleted."""
    client = imported()
    function = subscription_of(client).boundary(boundary_id).function(name)
    source = tenant_source(client, subject, issuer_id)
    keyring.promise(issuer(issuer_id).key, expires_at)
    return tokens.call(source, function, int(expires_at.timestamp())).text


def tenant_source(client: Client, subject: str, issuer_id: str = "", generation: int = 0) -> KeySource:
    """Return who signs as the user with `subject`, with the key of their issuer."""
    if not 0 < len(subject) <= SUBJECT_LIMIT or not subject.isprintable():
        raise NotConfigured("The person has no identity at Fusebit.")
    row = issuer(issuer_id)
    return KeySource(
        keyring.load(row.key),
        issuer_id=row.issuer_id,
        subject=subject,
        audience=client.audience,
        generation=generation,
        clock=requestor(client.base_url).now,
    )
