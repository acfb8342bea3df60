"""Calls a function on a person's behalf, with a token that can do this one thing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, InvalidInput, NotReady
from tenants.models import Deployment, Function, Run
from tenants.services import deployments, secrets

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@dataclass(frozen=True)
class Call:
    """What to send: `path` below the function, `query` and `headers` as pairs, `body` as bytes."""

    method: str = "GET"
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Outcome:
    """What came back, beside the row that remembers the call: secrets masked, bodies not kept."""

    run: Run
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def run(*, function: Function, actor: User, call: Call) -> Outcome:
    """Call the function and remember that it was called.

    Raise InvalidInput for a method or a path that cannot be sent, NotReady before the first deployment, and
    FusebitUnavailable when there was no answer; whatever the function itself answered is an Outcome.
    """
    if call.method not in METHODS:
        raise InvalidInput(f"The method must be one of {', '.join(METHODS)}.", field="method")
    deployment = Deployment.objects.select_related("live_version").get(function=function)
    if deployment.live_version is None:
        raise NotReady("No version of this function is live yet.")
    row = Run(
        tenant_id=function.tenant_id,
        function=function,
        function_name=function.name,
        created_at=timezone.now(),
        version_number=deployment.live_version.number,
        actor=actor,
        method=call.method,
        path=call.path[:2000],
    )
    try:
        hidden = secrets.mask_of(function)
        answer = _execute(function, deployment, actor, call)
    except door.InvalidName as error:
        raise InvalidInput(error.message, field="path") from error
    except door.FusebitError as error:
        _remember_failure(row, error)
        raise FusebitUnavailable(
            error.message, reference_id=error.reference_id, retry_after=error.retry_after
        ) from error
    return _remember(row, answer, hidden)


def _execute(function: Function, deployment: Deployment, actor: User, call: Call) -> door.Answer:
    session = deployments.session_for(function.tenant_id, function.tenant.boundary_id, actor, to_change=False)
    location = deployment.location or _locate(session, function, deployment)
    try:
        return _send(session, location, function, call)
    except door.Untrusted:  # the base URL changed since the location was remembered
        return _send(session, _locate(session, function, deployment), function, call)


def _locate(session: door.TenantSession, function: Function, deployment: Deployment) -> str:
    location = session.location(function.name)
    Deployment.objects.filter(pk=deployment.pk).update(location=location)
    return location


def _send(session: door.TenantSession, location: str, function: Function, call: Call) -> door.Answer:
    return session.execute(
        location,
        function.name,
        method=call.method,
        path=call.path,
        query=call.query,
        headers=_without_content_type(call.headers),
        body=call.body,
        content_type=_content_type(call.headers),
    )


def _content_type(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "application/json")


def _without_content_type(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() != "content-type")


def _remember(row: Run, answer: door.Answer, hidden: secrets.Mask) -> Outcome:
    row.status = answer.status
    row.duration_ms = round(answer.duration_ms, 2)
    row.size = len(answer.body)
    row.permissions = answer.permissions
    row.cause = cause_of(answer)
    row.save()
    headers = [(name, hidden(value)) for name, value in answer.headers]
    return Outcome(row, headers, hidden.raw(answer.body))


def _remember_failure(row: Run, error: door.FusebitError) -> None:
    row.cause = "platform"
    row.message = error.message
    row.reference_id = error.reference_id
    row.save()


def cause_of(answer: door.Answer) -> str:
    """Return whose fault a refused or failed call is, from the catalogue; empty when all went well."""
    known = {403: "auth_denied", 413: "quota", 429: "rate_limited", 522: "timeout"}
    if answer.source == "function":
        return "code_error" if answer.status >= 500 else ""
    if answer.status >= 400:
        return known.get(answer.status, "code_error" if answer.source == "provider" else "platform")
    return ""
