"""What really answers at Fusebit: asked, compared with what is recorded here, and taken over when it is better."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from fusebit_bridge import door
from tenants.errors import FusebitUnavailable, NotReady
from tenants.models import Function, FunctionVersion
from tenants.services import comparisons, deployments, functions, origins, wordings
from tenants.services.comparisons import Content

SAME, DIFFERENT, MISSING, UNKNOWN, NOTHING_LIVE = "same", "different", "missing", "unknown", "nothing"
COMPUTE = {"memorySize": wordings.DEFAULT_MEMORY, "timeout": wordings.DEFAULT_TIMEOUT, "staticIp": False}


@dataclass(frozen=True)
class Observation:
    """`kind` is same, different, missing, unknown (Fusebit could not be asked) or nothing (to compare with)."""

    kind: str
    snapshot: Content | None = None
    message: str = ""
    reference_id: str = ""


def snapshot_of(specification: Mapping[str, Any]) -> Content:
    """Return what a GET answered (contract 5.6) without what Fusebit adds by itself."""
    node = specification.get("nodejs") or {}
    files = {path: _text(content) for path, content in (node.get("files") or {}).items()}
    compute = {
        name: value for name, value in (specification.get("compute") or {}).items() if COMPUTE.get(name) != value
    }
    security = dict(specification.get("security") or {})
    return Content(
        files=files,
        configuration=dict(specification.get("configuration") or {}),
        compute=compute,
        schedule=dict(specification.get("schedule") or {}),
        security={} if security == {"authentication": "none"} else security,
        routes=list(specification.get("routes") or []),
    )


def expected(version: FunctionVersion) -> Content:
    """Return what Fusebit should hold when `version` is live: secrets are configuration to it."""
    return snapshot_of(deployments.specification(version))


def observe(*, function: Function, person: User) -> Observation:
    """Ask Fusebit what it holds and compare it with the version that is recorded as live."""
    recorded = function.deployment.live_version
    if recorded is None:
        return Observation(NOTHING_LIVE)
    try:
        held = _held(function, person)
    except door.Missing:
        return Observation(MISSING)
    except door.FusebitError as error:
        return Observation(UNKNOWN, message=error.message, reference_id=error.reference_id)
    return Observation(SAME if _is_same(recorded, held) else DIFFERENT, held)


def adopt(*, function: Function, author: User) -> FunctionVersion:
    """Keep what answers as the next version, so that a change from elsewhere is not lost; raise TenantError."""
    try:
        held = _held(function, author)
    except door.Missing:
        raise NotReady("Fusebit does not hold this function; there is nothing to keep.") from None
    except door.FusebitError as error:
        raise FusebitUnavailable(error.message, reference_id=error.reference_id) from error
    secret = function.latest.secrets  # what is a secret here stays one, with the value that it has here
    change = functions.Change(
        files=origins.bare(held.files),
        message="Kept from Fusebit: changed outside of this site",
        configuration={name: value for name, value in held.configuration.items() if name not in secret},
        compute=held.compute,
        schedule=held.schedule,
        security=held.security,
        routes=held.routes,
    )
    version = functions.save(function=function, change=change, base_version=function.latest.number, author=author)
    functions.deploy(function=function, version=version, author=author)
    return version


def _held(function: Function, person: User) -> Content:
    session = deployments.session_for(function.tenant_id, function.tenant.boundary_id, person)
    return snapshot_of(session.get_function(function.name))


def _is_same(recorded: FunctionVersion, held: Content) -> bool:
    wanted = expected(recorded)
    return wanted.files == held.files and not comparisons.settings_between(wanted, held)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=2)
