"""Calls a function on a person's behalf, with a token that can do this one thing."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, InvalidInput, NotReady
from tenants.models import Deployment, Function, Run
from tenants.services import bodies, deployments, secrets

MESSAGE_LIMIT = 500
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
ME, ANONYMOUS, CHOSEN = "me", "anonymous", "chosen"
ACTIONS = ("execute", "get", "get-log", "put", "delete", "schedule")  # what a chosen token may hold on the function


@dataclass(frozen=True)
class Call:
    """What to send: `path` below the function, `query` and `headers` as pairs, `body` as bytes.

    `identity` is me, anonymous, or chosen: a token that holds exactly `actions` on the function.
    """

    method: str = "GET"
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    identity: str = ME
    actions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the call as it is kept."""
        return {
            "method": self.method,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "headers": [list(pair) for pair in self.headers],
            "body": base64.b64encode(self.body).decode(),
            "identity": self.identity,
            "actions": list(self.actions),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Call":
        """Return the call that was kept."""
        return cls(
            method=kept["method"],
            path=kept["path"],
            query=tuple((name, value) for name, value in kept["query"]),
            headers=tuple((name, value) for name, value in kept["headers"]),
            body=base64.b64decode(kept["body"]),
            identity=kept["identity"],
            actions=tuple(kept["actions"]),
        )


@dataclass(frozen=True)
class Place:
    """Where to send a call: a name and a location at Fusebit, and the version that answers there."""

    name: str
    location: str
    version_number: int


@dataclass(frozen=True)
class Outcome:
    """What came back, beside the row that remembers the call; secrets are masked."""

    run: Run
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def run(*, function: Function, actor: User, call: Call, from_panel: bool = False) -> Outcome:
    """Call the version that is live and remember that it was called.

    `from_panel` keeps request and answer for a day even where the function does not ask for it. Raise InvalidInput
    for a method or a path that cannot be sent, NotReady before the first deployment, and FusebitUnavailable when
    there was no answer; whatever the function itself answered is an Outcome.
    """
    deployment = Deployment.objects.select_related("live_version").get(function=function)
    if deployment.live_version is None:
        raise NotReady("No version of this function is live yet.")
    place = Place(function.name, deployment.location, deployment.live_version.number)
    return run_at(place=place, function=function, actor=actor, call=call, from_panel=from_panel)


def run_at(*, place: Place, function: Function, actor: User, call: Call, from_panel: bool = False) -> Outcome:
    """Call what is deployed at `place` and remember it as a call of `function`; raises as `run` does."""
    if call.method not in METHODS:
        raise InvalidInput(f"The method must be one of {', '.join(METHODS)}.", field="method")
    row = Run(
        tenant=function.tenant,
        function=function,
        function_name=function.name,
        created_at=timezone.now(),
        version_number=place.version_number,
        actor=actor,
        method=call.method,
        path=call.path[:2000],
        request_size=len(call.body),
    )
    try:
        hidden = secrets.mask_of(function)
        answer = _execute(place, function, actor, call)
    except door.InvalidName as error:
        raise InvalidInput(error.message, field="path") from error
    except door.FusebitError as error:
        _remember_failure(row, error)
        _keep(row, call, None, from_panel)
        raise FusebitUnavailable(
            error.message, reference_id=error.reference_id, retry_after=error.retry_after
        ) from error
    outcome = _remember(row, answer, hidden)
    _keep(outcome.run, call, outcome, from_panel)
    return outcome


def _execute(place: Place, function: Function, actor: User, call: Call) -> door.Answer:
    session = deployments.session_for(function.tenant_id, function.tenant.boundary_id, actor, to_change=False)
    location = place.location or _locate(session, place, function)
    try:
        return _send(session, location, place.name, call)
    except door.Untrusted:  # the base URL changed since the location was remembered
        return _send(session, _locate(session, place, function), place.name, call)


def _locate(session: door.TenantSession, place: Place, function: Function) -> str:
    location = session.location(place.name)
    if place.name == function.name:
        Deployment.objects.filter(function=function).update(location=location)
    return location


def _send(session: door.TenantSession, location: str, name: str, call: Call) -> door.Answer:
    return session.execute(
        location,
        name,
        method=call.method,
        path=call.path,
        query=call.query,
        headers=_without_content_type(call.headers),
        body=call.body,
        content_type=_content_type(call.headers),
        anonymous=call.identity == ANONYMOUS,
        actions=[f"function:{action}" for action in call.actions] if call.identity == CHOSEN else None,
    )


def _content_type(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "application/json")


def _without_content_type(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() != "content-type")


def _remember(row: Run, answer: door.Answer, hidden: secrets.Mask) -> Outcome:
    """Write the row, into the one that Fusebit has reported already where there is one."""
    row.status = answer.status
    row.source = answer.source
    row.duration_ms = round(answer.duration_ms, 2)
    row.size = len(answer.body)
    row.permissions = answer.permissions
    row.cause = cause_of(answer)
    row.message = hidden(_said(answer)).replace("\0", "\ufffd")  # which PostgreSQL would not take
    row.trace_id = answer.trace_id[:64]
    row.reference_id = answer.reference_id
    headers = [(name, hidden(value)) for name, value in answer.headers]
    return Outcome(_saved(row), headers, hidden.raw(answer.body))


SITE_KNOWS = ["function", "function_name", "version_number", "actor", "path", "permissions", "reference_id"]


def _saved(row: Run) -> Run:
    """Save the row; where Fusebit's report of this call came first, add to that one what only the site knows."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        reported = Run.objects.get(tenant=row.tenant, trace_id=row.trace_id)
        for name in SITE_KNOWS:
            setattr(reported, name, getattr(row, name))
        reported.save(update_fields=SITE_KNOWS)
        return reported
    return row


def _said(answer: door.Answer) -> str:
    """Return the message of an error's JSON body."""
    if answer.status < 400:
        return ""
    try:
        members = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    said = members.get("message") if isinstance(members, dict) else None
    return said[:MESSAGE_LIMIT] if isinstance(said, str) else ""


def _remember_failure(row: Run, error: door.FusebitError) -> None:
    row.cause = "platform"
    row.message = error.message
    row.reference_id = error.reference_id
    row.save()


def _keep(row: Run, call: Call, outcome: Outcome | None, from_panel: bool) -> None:
    """Keep request and answer where the function asks for it, or the test panel does."""
    keeps = bool(row.function and row.function.keeps_bodies)
    if keeps or from_panel:
        headers, body = (outcome.headers, outcome.body) if outcome else ([], b"")
        bodies.keep(run=row, request=call.as_json(), headers=headers, body=body, for_long=keeps)


def cause_of(answer: door.Answer) -> str:
    """Return whose fault a refused or failed call is, from the catalogue; empty when all went well."""
    known = {403: "auth_denied", 404: "not_found", 413: "too_large", 429: "rate_limited", 522: "timeout"}
    if answer.source == "function":
        return "code_error" if answer.status >= 500 else ""
    if answer.status >= 400:
        return known.get(answer.status, "code_error" if answer.source == "provider" else "platform")
    return ""
