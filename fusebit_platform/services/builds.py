"""Builds: versions of functions that become live when their packages are there (contract 5.4, 5.5)."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import wait
from threading import BoundedSemaphore
from typing import Any

from fusebit_platform.authentication import Caller
from fusebit_platform.errors import BuildFailed, Conflict, NotFound
from fusebit_platform.models import FunctionBuild, PackageSet
from fusebit_platform.services import live_logs, moments, packages, publication, transactions
from fusebit_platform.services.functions import Address, require
from fusebit_platform.services.live_logs import ERROR, INFORMATION, Line
from fusebit_platform.services.publication import Draft

ATTEMPTS = 50
MAX_PAUSE_MS = 40
WAIT_SECONDS = 10.0  # within the PUT
WAITING = BoundedSemaphore(4)  # of the threads that answer requests, those that may wait
KEPT_MS = 24 * 60 * 60 * 1000
OVERTAKEN = {"message": "The function was changed by another request before it was built.", "log": ""}
State = FunctionBuild.State


def put(*, caller: Caller, address: Address, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Make the function be what the body says; return the outcome, or None when nothing changed."""
    started = moments.now()
    for attempt in range(ATTEMPTS):
        draft = publication.draft_of(caller=caller, address=address, body=body)
        if draft is None:
            return None
        if draft.packages and packages.directory(draft.packages) is None:
            return _built(address, draft, started)
        if publication.publish(address=address, draft=draft):
            return publication.outcome(address=address, version=draft.version, started=started)
        # Somebody else was first; a while of one's own length keeps one from being last each time.
        time.sleep(secrets.randbelow(min(4 * attempt, MAX_PAUSE_MS) + 1) / 1000)
    raise Conflict


def _built(address: Address, draft: Draft, started: str) -> dict[str, Any]:
    packages.check_back_off(draft.packages, draft.runtime)
    row = start(address=address, draft=draft)
    if row.state == State.SUCCESS:
        return publication.outcome(address=address, version=draft.version, started=started)
    # A failure, too, is told by the build: a PUT says no more than that there is one.
    begun = {name: moment for name, moment in json.loads(row.transitions).items() if name in {"pending", "building"}}
    return shown(row, address) | {"status": str(State.BUILDING), "transitions": begun}


def start(*, address: Address, draft: Draft, patient: bool = True) -> FunctionBuild:
    """Have a version built and published; return how far that got, after a while where the caller is patient."""
    packages.check_room()
    now = moments.now_ms()
    with transactions.unnoticed():
        FunctionBuild.objects.filter(created_ms__lt=now - KEPT_MS).delete()
        row = FunctionBuild.objects.create(
            id=base64.b32encode(secrets.token_bytes(10)).decode().lower(),
            account_id=address.account_id,
            subscription_id=address.subscription_id,
            boundary_id=address.boundary_id,
            function_id=address.function_id,
            package_set_id=draft.packages,
            transitions=json.dumps({"pending": moments.now(), "building": moments.now()}),
            draft=draft.as_json(),
            created_ms=now,
        )
    ended = packages.begin(draft.packages, complete)
    if patient and WAITING.acquire(blocking=False):
        try:
            wait([ended], timeout=WAIT_SECONDS)
        finally:
            WAITING.release()
        if ended.done():
            complete(draft.packages)  # for a build that was added when the packages had just been completed
    row.refresh_from_db()
    return row


def get(*, address: Address, build_id: str) -> tuple[dict[str, Any], int]:
    """Return a build as its PUT would have, and the status; raise NotFound, or BuildFailed."""
    place = {name: getattr(address, name) for name in ("account_id", "subscription_id", "boundary_id", "function_id")}
    rows = FunctionBuild.objects.filter(pk=build_id, created_ms__gte=moments.now_ms() - KEPT_MS, **place)
    row = rows.first()
    if row is None:
        raise NotFound
    if row.state == State.BUILDING:
        packages.begin(row.package_set_id, complete)  # whatever became of the process that began it
    if row.state == State.FAILED:
        raise _failure(row, address)
    return shown(row, address), 200 if row.state == State.SUCCESS else 201


def shown(row: FunctionBuild, address: Address) -> dict[str, Any]:
    """Return a build as it appears on the wire."""
    body: dict[str, Any] = {
        "status": str(row.state),
        "subscriptionId": row.subscription_id,
        "boundaryId": row.boundary_id,
        "functionId": row.function_id,
        "buildId": row.id,
        "transitions": json.loads(row.transitions),
    }
    if row.state == State.SUCCESS:
        body |= {"location": address.location(), "version": Draft.of_json(row.draft).version}
    return body


def _failure(row: FunctionBuild, address: Address) -> BuildFailed:
    failure = json.loads(row.failure)
    build = {**shown(row, address), "log": failure["log"]}
    original = BuildFailed(failure["message"]).body()
    return BuildFailed(failure["message"], properties={"build": build, "originalError": original})


def complete(key: str) -> None:
    """Publish, or give up, every version that waited for these packages."""
    for row in FunctionBuild.objects.filter(package_set_id=key, state=State.BUILDING):
        failed = "" if packages.directory(key) is not None else PackageSet.objects.get(pk=key).failure
        if packages.directory(key) is None and not failed:
            continue
        _end(row, json.loads(failed) if failed else None)


def _end(row: FunctionBuild, failure: dict[str, Any] | None) -> None:
    """Record once how a build ended, and publish the version first where it ended well."""
    address = Address(
        account_id=row.account_id,
        subscription_id=row.subscription_id,
        boundary_id=row.boundary_id,
        function_id=row.function_id,
    )
    if failure is None and not publication.publish(address=address, draft=Draft.of_json(row.draft)):
        failure = OVERTAKEN
    state = State.SUCCESS if failure is None else State.FAILED
    transitions = json.dumps({**json.loads(row.transitions), str(state): moments.now()})
    with transactions.unnoticed():
        changed = FunctionBuild.objects.filter(pk=row.pk, state=State.BUILDING).update(
            state=state, transitions=transitions, failure=json.dumps(failure) if failure else ""
        )
    if changed:
        _tell(address, row, failure)


def _tell(address: Address, row: FunctionBuild, failure: dict[str, Any] | None) -> None:
    """Write into the function's log how its build ended."""
    log = failure["log"] or failure["message"] if failure else f"Build {row.id} succeeded."
    ids = {name: getattr(address, name) for name in ("account_id", "subscription_id", "boundary_id", "function_id")}
    level = ERROR if failure else INFORMATION
    live_logs.hub.publish_from_thread([Line(**ids, level=level, text=log, time=moments.now())])


def rebuild(*, address: Address) -> dict[str, Any] | None:
    """Resolve and build the stored specification again; None when it has no dependencies."""
    draft = publication.again(address=address, function=require(address))
    return None if draft is None else shown(start(address=address, draft=draft, patient=False), address)
