"""Gives an agent its first key pair: the init token, and what it is exchanged for (contract 4.7)."""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

import jwt
from jwt.types import Options

from fusebit_platform import authentication, configuration, keys
from fusebit_platform.authentication import Decoded
from fusebit_platform.errors import NotFound, Unauthorized
from fusebit_platform.models import Agent, InitEntry
from fusebit_platform.services import agents, issuers, transactions

LIFETIME_S = 8 * 3600
Protocol = Literal["legacy", "pki", "oauth"]


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What the init token shall say: ids for the legacy form, a profile for the current one."""

    protocol: Protocol
    profile: dict[str, Any]
    base_url: str
    host: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the new owner of a key pair sends: a key, and an access token except in the legacy form."""

    protocol: Protocol
    public_key: str = ""
    key_id: str = ""
    access_token: str = ""


def begin(*, account_id: str, kind: str, agent_id: str, invitation: Invitation) -> str:
    """Return an init token for the agent; an earlier one becomes useless."""
    agent = agents.require(account_id, kind, agent_id)
    secret = secrets.token_hex(32)
    now = int(time.time())
    audience = configuration.current().base_url
    claims = _claims(account_id, agent_id, invitation)
    claims |= {"iat": now, "exp": now + LIFETIME_S, "iss": audience, "aud": audience}
    with transactions.change():
        InitEntry.objects.update_or_create(agent=agent, defaults={"secret": secret})
    return jwt.encode(claims, secret, algorithm="HS256")


def _claims(account_id: str, agent_id: str, invitation: Invitation) -> dict[str, Any]:
    identity = {
        "issuerId": f"{secrets.token_hex(4)}.{agent_id}.{invitation.host}",
        "subject": f"cli-{secrets.token_hex(4)}",
    }
    if invitation.protocol == "legacy":
        ids = {"accountId": account_id, "agentId": agent_id, **invitation.profile}
        return {**ids, "baseUrl": invitation.base_url, **identity}
    profile = {**invitation.profile, "account": account_id, "baseUrl": invitation.base_url}
    profile = {name: value for name, value in profile.items() if name not in identity}
    if invitation.protocol == "pki":
        profile |= identity
    return {"protocol": invitation.protocol, "agentId": agent_id, "profile": profile}


def resolve(*, account_id: str, init_token: str | None, answer: Answer) -> dict[str, Any]:
    """Exchange an init token for an identity of its agent; return the agent with identities and access.

    The steps and their order are the contract's: only from the look-up of the entry on is the one attempt used up.
    """
    if init_token is None:
        raise Unauthorized
    access = _access_token(account_id, answer)
    invited = authentication.decode(init_token)
    issuer_id, subject, key_id = _identity(account_id, invited, answer, access)
    agent_id = invited.claims.get("agentId")
    if not isinstance(agent_id, str) or not agent_id.isascii() or "\0" in agent_id:
        raise Unauthorized
    _check_init_token(invited, _take_secret(account_id, agent_id))
    agent = Agent.objects.filter(account_id=account_id, id=agent_id).first()
    if agent is None:
        raise agents.missing(_kind(agent_id), agent_id)
    with transactions.change(agents=True):
        if answer.protocol != "oauth":
            key = {"keyId": key_id, "publicKey": answer.public_key}
            wanted = issuers.IssuerInput(display_name=f"CLI for {agent_id}", public_keys=[key])
            issuers.add(account_id=account_id, issuer_id=issuer_id, wanted=wanted)
        agents.add_identity(agent=agent, issuer_id=issuer_id, subject=subject)
    return agents.get(account_id=account_id, kind=agent.kind, agent_id=agent_id)


def _access_token(account_id: str, answer: Answer) -> Decoded | None:
    """Return the verified access token of the current form: by the supplied key, or by a registered issuer."""
    if answer.protocol == "legacy":
        return None
    access = authentication.decode(answer.access_token)
    issuer_id, _subject = authentication.names(access.claims)
    if answer.protocol == "oauth":
        authentication.verify(access, authentication.issuer_key(account_id, issuer_id, access.header))
        return access
    key = keys.from_pem(answer.public_key)
    if key is None:
        raise Unauthorized
    authentication.verify(access, key, audience=False)
    return access


def _identity(account_id: str, invited: Decoded, answer: Answer, access: Decoded | None) -> tuple[str, str, str]:
    """Return issuer, subject and key id that the agent will get; raise Unauthorized when the parts disagree."""
    claims = invited.claims
    if access is None:
        if claims.get("accountId") != account_id or "profile" in claims:
            raise Unauthorized
        return str(claims.get("issuerId")), str(claims.get("subject")), answer.key_id  # used once the signature is ours
    profile = claims.get("profile")
    if not isinstance(profile, dict) or profile.get("account") != account_id:
        raise Unauthorized
    if claims.get("protocol") != answer.protocol:
        raise Unauthorized
    issuer_id, subject = authentication.names(access.claims)
    key_id = access.header.get("kid")
    if answer.protocol == "pki" and (issuer_id, subject) != (profile.get("issuerId"), profile.get("subject")):
        raise Unauthorized
    if not isinstance(key_id, str) or not key_id:
        raise Unauthorized
    return issuer_id, subject, key_id


def _take_secret(account_id: str, agent_id: str) -> str:
    """Return the outstanding secret and delete it: there is one attempt."""
    with transactions.change():
        entry = InitEntry.objects.filter(agent__account_id=account_id, agent__id=agent_id).first()
        if entry is not None and InitEntry.objects.filter(pk=entry.pk, secret=entry.secret).delete()[0]:
            return entry.secret
    raise NotFound(f"There is no outstanding initialization entry for {_kind(agent_id)} '{agent_id}'")


def _check_init_token(invited: Decoded, secret: str) -> None:
    audience = configuration.current().base_url
    options: Options = {"require": ["exp", "iss", "aud"], "verify_iat": False, "verify_sub": False}
    try:
        jwt.decode(invited.token, secret, algorithms=["HS256"], audience=audience, issuer=audience, options=options)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unauthorized from None


def _kind(agent_id: str) -> str:
    return "client" if agent_id.startswith("clt-") else "user"
