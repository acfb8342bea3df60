"""Puts the first account, subscription, issuer and users into the database; doing it again changes nothing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fusebit_platform import resources
from fusebit_platform.authorization import Statement
from fusebit_platform.models import Account, Agent, Issuer, Subscription
from fusebit_platform.services import agents, issuers, registries, transactions
from fusebit_platform.services.agents import AgentInput
from fusebit_platform.services.issuers import IssuerInput


def is_empty() -> bool:
    """Tell whether nobody was ever put into this database."""
    return not Account.objects.exists()


def apply(seed: Mapping[str, Any]) -> None:
    """Make the database hold what the seed says; its shape was checked before."""
    account_id = seed["account"]["id"]
    with transactions.change(agents=True):
        _account(seed["account"], seed.get("registry", {}).get("scopes", ()))
        if "subscription" in seed:
            _subscription(account_id, seed["subscription"])
        for issuer in (*_one(seed, "issuer"), *seed.get("issuers", ())):
            _issuer(account_id, issuer)
        for user in _one(seed, "user"):
            _agent(account_id, Agent.Kind.USER, user)
        for client in seed.get("clients", ()):
            _agent(account_id, Agent.Kind.CLIENT, client)


def _one(seed: Mapping[str, Any], name: str) -> Sequence[Any]:
    return (seed[name],) if name in seed else ()


def _account(account: Mapping[str, str], scopes: Sequence[str]) -> None:
    own = [scope for scope in scopes if scope not in registries.GLOBAL_SCOPES]
    Account.objects.update_or_create(
        id=account["id"],
        defaults={
            "display_name": account.get("displayName", ""),
            "primary_email": account.get("primaryEmail", ""),
            "scopes": json.dumps([*own, *registries.GLOBAL_SCOPES]),
        },
    )


def _subscription(account_id: str, subscription: Mapping[str, Any]) -> None:
    Subscription.objects.update_or_create(
        id=subscription["id"],
        defaults={
            "account_id": account_id,
            "display_name": subscription.get("displayName", ""),
            "limits": json.dumps(subscription.get("limits", {})),
            "flags": json.dumps(subscription.get("flags", {})),
        },
    )


def _issuer(account_id: str, issuer: Mapping[str, Any]) -> None:
    wanted = IssuerInput(
        display_name=issuer.get("displayName"),
        json_keys_url=issuer.get("jsonKeysUrl"),
        public_keys=issuer.get("publicKeys"),
    )
    known = Issuer.objects.filter(account_id=account_id, issuer_id=issuer["id"]).exists()
    write = issuers.update if known else issuers.add
    write(account_id=account_id, issuer_id=issuer["id"], wanted=wanted)


def _agent(account_id: str, kind: Agent.Kind, agent: Mapping[str, Any]) -> None:
    identities = [(row["issuerId"], row["subject"]) for row in agent.get("identities", ())]
    allow = agent.get("access", {}).get("allow", ())
    wanted = AgentInput(
        scalars={name: agent[name] for name in agents.SCALARS if name in agent},
        identities=identities,
        access=[Statement(row["action"], row["resource"]) for row in allow],
    )
    agent_id = agent.get("id") or _known(account_id, kind, identities)
    if agent_id and Agent.objects.filter(account_id=account_id, kind=kind, id=agent_id).exists():
        agents.update(account_id=account_id, kind=kind, agent_id=agent_id, wanted=wanted)
    else:
        agents.add(account_id=account_id, kind=kind, wanted=wanted, agent_id=agent_id)


def _known(account_id: str, kind: Agent.Kind, identities: Sequence[tuple[str, str]]) -> str | None:
    for issuer_id, subject in identities:
        rows = Agent.objects.filter(account_id=account_id, kind=kind)
        found = rows.filter(identities__issuer_id=issuer_id, identities__subject=subject).first()
        if found is not None:
            return found.id
    return None


def new_ids() -> dict[str, str]:
    """Return ids for a first account, subscription and user."""
    prefixes = {"account": "acc", "subscription": "sub", "user": "usr"}
    return {name: resources.new_id(prefix) for name, prefix in prefixes.items()}
