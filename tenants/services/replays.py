"""Sends a call that was made once more, to what is live or to any other version, without making that one live."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, NotReady, TenantError
from tenants.models import Function, FunctionVersion, Run
from tenants.services import audit, bodies, copies, deployments, invocations

AT_ONCE = 20
PATIENCE_S = 40.0


@dataclass(frozen=True)
class Replay:
    """One call that was sent again; `run` is None when it could not be sent, and `problem` says why."""

    original: Run
    run: Run | None
    problem: str = ""


def call_of(run: Run) -> invocations.Call | None:
    """Return the call as it was sent, None when the request is not kept (any more)."""
    kept = bodies.of(run)
    return invocations.Call.from_json(kept.request) if kept else None


def guess_of(run: Run) -> invocations.Call:
    """Return the call as far as it is known without its request: to be completed by a person."""
    is_anonymous = not run.actor_id and not run.caller and run.cause != "auth_missing"
    return invocations.Call(
        method=run.method if run.method in invocations.METHODS else "POST",
        path=run.path,
        identity=invocations.ANONYMOUS if is_anonymous and run.kind == "http" else invocations.ME,
    )


def replay(
    *,
    runs: Iterable[Run],
    function: Function,
    version: FunctionVersion,
    actor: User,
    given: invocations.Call | None = None,
) -> list[Replay]:
    """Send the calls again to `version`, the first twenty of them, one after the other.

    `given` is sent in place of what is kept, as of calls that came from outside: Fusebit never reports what they
    sent. A version that is not live is deployed under a name of its own, closed and without its schedule, and removed
    afterwards. Raise FusebitUnavailable when that does not work, NotReady when nothing can be sent.
    """
    chosen = [(run, call) for run in list(runs)[:AT_ONCE] if (call := given or call_of(run)) is not None]
    if not chosen:
        raise NotReady("The requests of these calls are not kept: there is nothing to send again.")
    with transaction.atomic():
        audit.record(
            action="runs.replayed",
            tenant=function.tenant,
            actor=actor,
            target=function.name,
            version=version.number,
            count=len(chosen),
        )
    deadline = time.monotonic() + PATIENCE_S
    done: list[Replay] = []
    with _place(function, version, actor) as place:
        for run, call in chosen:
            if time.monotonic() > deadline:
                done.append(Replay(run, None, "There was no time left for this one."))
            else:
                done.append(_again(run, call, place, function, actor))
    return done


def _again(run: Run, call: invocations.Call, place: invocations.Place, function: Function, actor: User) -> Replay:
    try:
        outcome = invocations.run_at(place=place, function=function, actor=actor, call=call, from_panel=True)
    except TenantError as error:
        return Replay(run, None, error.message)
    return Replay(run, outcome.run)


@contextlib.contextmanager
def _place(function: Function, version: FunctionVersion, actor: User) -> Iterator[invocations.Place]:
    live = function.deployment.live_version
    if live is not None and live.pk == version.pk:
        yield invocations.Place(function.name, function.deployment.location, version.number)
        return
    with contextlib.ExitStack() as stack:
        try:
            session = deployments.session_for(function.tenant_id, function.tenant.boundary_id, actor)
            copy = copies.deployed(function=function, version=version, session=session)
            name, location = stack.enter_context(copy)
        except door.FusebitError as error:
            raise FusebitUnavailable(
                f"v{version.number} could not be set up for the replay: {error.message}",
                reference_id=error.reference_id,
            ) from error
        yield invocations.Place(name, location, version.number)
