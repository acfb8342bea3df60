"""Users and clients with their identities and access, written in one transaction (contract 4.5, 3.6, 3.7)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError
from django.db.models import Prefetch, QuerySet

from fusebit_platform import resources
from fusebit_platform.authentication import SYSTEM_AGENT, Caller
from fusebit_platform.authorization import Statement, permits
from fusebit_platform.errors import BadRequest, NotFound
from fusebit_platform.models import AccessEntry, Agent, Identity, Issuer
from fusebit_platform.services import accounts, agent_text, paging, transactions

PREFIXES = {Agent.Kind.USER: "usr", Agent.Kind.CLIENT: "clt"}
SCALARS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "primaryEmail": "primary_email",
    "displayName": "display_name",
}


@dataclass(frozen=True, kw_only=True)
class AgentInput:
    """What a request says about an agent; lists that are None were not said, scalars are named as on the wire."""

    scalars: dict[str, str] = field(default_factory=dict)
    identities: Sequence[tuple[str, str]] | None = None
    access: Sequence[Statement] | None = None


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list of agents may be narrowed by."""

    name: str | None = None
    email: str | None = None
    issuer_id: str | None = None
    subject: str | None = None


def check_grants(*, caller: Caller, access: Iterable[Statement]) -> None:
    """Raise BadRequest at the first statement that the caller does not hold (contract 3.6)."""
    for statement in access:
        if not permits(caller.access, statement.action, statement.resource):
            raise BadRequest(
                f"The {caller.kind} '{caller.agent_id}' is not authorized to grant access to perform the action "
                f"'{statement.action}' on resource '{statement.resource}'"
            )


def require(account_id: str, kind: str, agent_id: str) -> Agent:
    """Return the agent or raise NotFound."""
    accounts.require(account_id)
    agent = Agent.objects.filter(account_id=account_id, kind=kind, id=agent_id).first()
    if agent is None:
        raise missing(kind, agent_id)
    return agent


def missing(kind: str, agent_id: str) -> NotFound:
    """Return the error for an agent that does not exist."""
    return NotFound(f"The {kind} '{agent_id}' does not exist")


def add(*, account_id: str, kind: str, wanted: AgentInput, agent_id: str | None = None) -> dict[str, Any]:
    """Create an agent with identities and access, all or nothing."""
    accounts.require(account_id)
    with transactions.change(agents=True):
        agent = Agent(id=agent_id or resources.new_id(PREFIXES[Agent.Kind(kind)]), account_id=account_id, kind=kind)
        _set_scalars(agent, wanted.scalars)
        agent.save(force_insert=True)
        agent_text.remember([agent])
        _set_identities(agent, wanted.identities or ())
        _set_access(agent, wanted.access or ())
    return as_json(_loaded(agent))


def get(*, account_id: str, kind: str, agent_id: str) -> dict[str, Any]:
    """Return the agent with identities and access."""
    accounts.require(account_id)
    agent = _full(Agent.objects.filter(account_id=account_id, kind=kind, id=agent_id)).first()
    if agent is None:
        raise missing(kind, agent_id)
    return as_json(agent)


def me(*, caller: Caller) -> dict[str, Any]:
    """Return the calling agent with its stored access, whatever its token was narrowed to (contract 4.6)."""
    if caller.agent_id == SYSTEM_AGENT:
        raise BadRequest("Invalid agent id")
    return get(account_id=caller.account_id, kind=caller.kind, agent_id=caller.agent_id)


def update(*, account_id: str, kind: str, agent_id: str, wanted: AgentInput) -> dict[str, Any]:
    """Change what is said; lists are replaced whole."""
    with transactions.change(agents=True):
        agent = require(account_id, kind, agent_id)
        if wanted.scalars:
            _set_scalars(agent, wanted.scalars)
            agent.save()
            agent_text.remember([agent])
        if wanted.identities is not None:
            agent.identities.all().delete()
            _set_identities(agent, wanted.identities)
        if wanted.access is not None:
            agent.access.all().delete()
            _set_access(agent, wanted.access)
    return as_json(_loaded(agent))


def add_identity(*, agent: Agent, issuer_id: str, subject: str) -> None:
    """Append one identity to those the agent has."""
    with transactions.change(agents=True):
        _set_identities(agent, [(issuer_id, subject)])


def remove(*, account_id: str, kind: str, agent_id: str) -> None:
    """Delete the agent, its identities and access, and the issuers made for it that nobody else uses."""
    with transactions.change(agents=True):
        agent = require(account_id, kind, agent_id)
        agent_text.forget(agent.number)
        agent.delete()
        own = re.compile(rf"[0-9a-f]{{8}}\.{re.escape(agent_id)}\..+", re.ASCII)
        named = Issuer.objects.filter(account_id=account_id, issuer_id__contains=f".{agent_id}.")
        for issuer_id in filter(own.fullmatch, named.values_list("issuer_id", flat=True)):
            if not Identity.objects.filter(account_id=account_id, issuer_id=issuer_id).exists():
                Issuer.objects.filter(account_id=account_id, issuer_id=issuer_id).delete()


def list_agents(
    *, account_id: str, kind: str, filters: Filters, full: bool, count: int | None, next_token: str | None
) -> dict[str, Any]:
    """Return a page of agents, the newest first; `full` adds identities and access."""
    if filters.subject is not None and filters.issuer_id is None:
        raise BadRequest(f"The 'subject' filter '{filters.subject}' can not be specified without the 'issuerId' filter")
    rows = Agent.objects.filter(account_id=account_id, kind=kind)
    rows = _full(rows) if full else rows

    def render(agent: Agent) -> dict[str, Any]:
        return as_json(agent) if full else _scalars(agent)

    if filters.issuer_id is not None and filters.subject is not None:
        accounts.require(account_id)
        owner = _owner(account_id, filters.issuer_id, filters.subject)
        return {"items": [render(agent) for agent in rows.filter(number__in=owner)]}
    size = paging.limit(count)
    before = paging.position(next_token, int)
    accounts.require(account_id)
    rows = _filtered(rows, account_id, filters).order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    return paging.page(list(rows[: size + 1]), size, render, lambda agent: agent.number)


def _owner(account_id: str, issuer_id: str, subject: str) -> list[int]:
    identities = Identity.objects.filter(account_id=account_id, issuer_id=issuer_id, subject=subject)
    return list(identities.values_list("agent_id", flat=True))


def _filtered(rows: "QuerySet[Agent]", account_id: str, filters: Filters) -> "QuerySet[Agent]":
    if filters.name is not None:
        rows = agent_text.containing(rows, agent_text.NAMES, filters.name)
    if filters.email is not None:
        rows = agent_text.containing(rows, agent_text.EMAIL, filters.email)
    if filters.issuer_id is not None:
        named = Identity.objects.filter(issuer_id=filters.issuer_id, account_id=account_id)
        rows = rows.filter(number__in=named.values("agent_id"))
    return rows


def as_json(agent: Agent) -> dict[str, Any]:
    """Return the agent as it appears on the wire; what is empty is left out."""
    answer: dict[str, Any] = _scalars(agent)
    identities = [{"issuerId": row.issuer_id, "subject": row.subject} for row in agent.identities.all()]
    allow = [{"action": row.action, "resource": row.resource} for row in agent.access.all()]
    if identities:
        answer["identities"] = identities
    if allow:
        answer["access"] = {"allow": allow}
    return answer


def _scalars(agent: Agent) -> dict[str, Any]:
    values = ((name, getattr(agent, column)) for name, column in SCALARS.items())
    return {"id": agent.id, **{name: value for name, value in values if value}}


def _full(rows: "QuerySet[Agent]") -> "QuerySet[Agent]":
    return rows.prefetch_related(
        Prefetch("identities", Identity.objects.order_by("number")),
        Prefetch("access", AccessEntry.objects.order_by("number")),
    )


def _loaded(agent: Agent) -> Agent:
    return _full(Agent.objects.filter(pk=agent.pk)).get()


def _set_scalars(agent: Agent, scalars: dict[str, str]) -> None:
    for name, value in scalars.items():
        setattr(agent, SCALARS[name], value)


def _set_identities(agent: Agent, identities: Sequence[tuple[str, str]]) -> None:
    for issuer_id, subject in identities:
        try:
            with transactions.change(agents=True):
                Identity.objects.create(agent=agent, account_id=agent.account_id, issuer_id=issuer_id, subject=subject)
        except IntegrityError:
            raise BadRequest(
                f"The identity with issuer '{issuer_id}' and subject '{subject}' is already associated with a user "
                "or client"
            ) from None


def _set_access(agent: Agent, access: Sequence[Statement]) -> None:
    unique = dict.fromkeys((statement.action, resources.normalize(statement.resource)) for statement in access)
    AccessEntry.objects.bulk_create(
        AccessEntry(agent=agent, action=action, resource=resource) for action, resource in unique
    )
