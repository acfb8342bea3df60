"""Takes a client profile in: asked at Fusebit first, then stored encrypted, together with an issuer of our own."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from fusebit_bridge import agents, connection, issuers, keyring
from fusebit_bridge.agents import Agent
from fusebit_bridge.credentials import BadCredentials, ClientProfile
from fusebit_bridge.errors import Busy, Failed, Unreachable
from fusebit_bridge.models import Client, Purpose, SigningKey, TenantIssuer
from fusebit_bridge.resources import Account
from fusebit_bridge.tokens import KeySource, TokenSource


@dataclass(frozen=True)
class Imported:
    """What an import left behind; `agent` is None when Fusebit could not be asked."""

    client: Client
    issuer: TenantIssuer
    agent: Agent | None


def import_profile(*, profile: ClientProfile, tenant_issuer_id: str = "") -> Imported:
    """Store the profile in place of the one before and make our issuer, or find it as it was.

    Raise Refused, with nothing stored, when Fusebit answers and does not accept us; an unreachable Fusebit is no
    hindrance. Raise NotConfigured without the rings of encryption keys, BadCredentials for a profile without a key
    whose authorization server is not the one that is configured.
    """
    if profile.key is None and profile.token_url != settings.FUSEBIT_TOKEN_URL:
        raise BadCredentials(
            f"The profile has no key: set FUSEBIT_TOKEN_URL to its “oauth.tokenUrl”, {profile.token_url},"
            " and FUSEBIT_CLIENT_ID and FUSEBIT_CLIENT_SECRET to what that server gave you."
        )
    agent = _asked(profile)
    with transaction.atomic():
        before = Client.objects.values_list("account_id", flat=True).first()
        key = (
            keyring.store(profile.key, purpose=Purpose.CLIENT, issuer_id=profile.issuer_id)
            if profile.key is not None
            else None
        )
        client, _created = Client.objects.update_or_create(
            id=1,
            defaults={
                "name": profile.name,
                "base_url": profile.base_url,
                "account_id": profile.account_id,
                "subscription_id": profile.subscription_id,
                "issuer_id": profile.issuer_id,
                "subject": profile.subject,
                "audience": profile.audience,
                "key": key,
            },
        )
        if before is not None and before != profile.account_id:  # what the other account knew says nothing here
            TenantIssuer.objects.update(chosen=False, registered_at=None)
        replaced = SigningKey.objects.filter(purpose=Purpose.CLIENT)
        (replaced.exclude(pk=key.pk) if key is not None else replaced).delete()
        issuer = issuers.create(tenant_issuer_id)
    return Imported(client, issuer, agent)


def _asked(profile: ClientProfile) -> Agent | None:
    source: TokenSource
    if settings.FUSEBIT_TOKEN_URL or profile.key is None:
        source = connection.authorization_server(profile.audience)
    else:
        source = KeySource(profile.key, issuer_id=profile.issuer_id, subject=profile.subject, audience=profile.audience)
    try:
        return agents.ask_me(connection.requestor(profile.base_url), source, Account.of(profile.account_id))
    except (Unreachable, Failed, Busy):
        return None
