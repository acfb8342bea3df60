"""What the gateway remembers of a function, and of who may run it, so that a warm call asks nobody."""

import base64
import json
import math
import time
from collections.abc import Callable

from fusebit_platform.entries import CallerName, Place, details, version_in
from fusebit_platform.gateway.contracts import Caller, Executable
from fusebit_platform.gateway.exchange import Exchange
from fusebit_platform.gateway.refusals import Refusal
from fusebit_platform.runtime.builds import Build

ADMITTED_SECONDS = 60.0  # how long a decision is remembered at most
ADMISSIONS = 2000  # remembered per function
AdmissionKey = str | None | tuple[str | None, str, bool]  # the Authorization header, and where it matters path and verb


class Use:
    """How many calls run now for one subscription or boundary."""

    __slots__ = ("__weakref__", "running")

    def __init__(self) -> None:
        self.running = 0


class Admission:
    """A caller who may run a function, ready to be put into ctx."""

    def __init__(self, caller: Caller, function_token: str | None, authorization: str | None) -> None:
        fusebit: dict[str, object] = {}
        if caller.access_token is not None:
            fusebit["callerAccessToken"] = caller.access_token
        if function_token is not None:
            fusebit["functionAccessToken"] = function_token
        permissions = {} if caller.permissions is None else {"permissions": caller.permissions}
        self.members = f'"caller":{json.dumps(permissions)},"fusebit":{json.dumps(fusebit)},'.encode()
        self.until = min(time.time() + ADMITTED_SECONDS, expiry(authorization))
        self.caller = name_of(caller)
        self.permissions = caller.permissions
        self.details = details(caller=self.caller, permissions=caller.permissions)


class Known:
    """A function that has been looked up, and who may run it."""

    def __init__(self, executable: Executable, endpoint: str, use: Callable[[str], Use]) -> None:
        self.executable = executable
        self.policy = policy = executable.policy
        self.redirect_url = executable.redirect_url
        self.place: Place = (executable.subscription_id, executable.boundary_id)
        self.version = version_in(executable.version_id)
        self.has_tasks = any("task" in route for route in executable.routes)
        self.path_matters = any("security" in route or "task" in route for route in executable.routes)
        self.admissions: dict[AdmissionKey, Admission] = {}
        self.function_token: tuple[str | None, float] = (None, 0.0)  # and until when it may be handed out
        self.boundary = f"{executable.subscription_id}/{executable.boundary_id}"
        self.subscription_use, self.subscription_limit = use(executable.subscription_id), limit(executable.concurrency)
        self.boundary_use, self.boundary_limit = use(self.boundary), limit(policy.concurrency)
        self.build = Build(
            boundary=self.boundary,
            function=executable.function_id,
            version=executable.version_id,
            files=executable.files,
            configuration=executable.configuration,
            memory_mb=min(executable.memory_mb, policy.memory_mb or executable.memory_mb),
            timeout_s=min(executable.timeout_s, policy.timeout_s or executable.timeout_s),
            egress_allow=policy.egress_allow,
            egress_deny=policy.egress_deny,
            dependencies=executable.dependencies,
            context={
                "accountId": executable.account_id,
                "subscriptionId": executable.subscription_id,
                "boundaryId": executable.boundary_id,
                "functionId": executable.function_id,
                "baseUrl": executable.base_url,
                "fusebit": {"endpoint": endpoint},
            },
        )

    def admission_key(self, exchange: Exchange) -> AdmissionKey:
        """Name everything the decision depends on; a route's rules make the path and the verb part of it."""
        authorization = exchange.headers.get("authorization")
        if not self.path_matters:
            return authorization
        return (authorization, exchange.path, exchange.method == "POST")

    def admit(
        self, key: AdmissionKey, authorization: str | None, caller: Caller, function_token: str | None
    ) -> Admission:
        """Remember a decision, unless each has to be recorded; raise Refusal for a key that the boundary refuses."""
        if caller.kid and caller.kid in self.policy.refused_kids:
            detail = f"Tokens of the key {caller.kid} are refused in this boundary."
            raise Refusal(403, "Unauthorized", cause="auth_denied", caller=name_of(caller), detail=detail)
        admission = Admission(caller, function_token, authorization)
        if caller.audited:
            return admission
        if len(self.admissions) >= ADMISSIONS:
            self.admissions.clear()
        self.admissions[key] = admission
        return admission


def limit(concurrency: int | None) -> float:
    """Return how many calls may run at once; without a limit, or with a negative one, any number."""
    return math.inf if concurrency is None or concurrency < 0 else concurrency


def name_of(caller: Caller) -> CallerName | None:
    """Return who the caller is, None for anybody."""
    return CallerName(caller.issuer_id, caller.subject, caller.kid) if caller.subject else None


def expiry(authorization: str | None) -> float:
    """Return the `exp` of a bearer token in seconds since the epoch; infinity when it has none."""
    if not authorization:
        return float("inf")
    try:
        payload = authorization.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return float("inf")
