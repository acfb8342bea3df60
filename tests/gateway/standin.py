"""The platform's server with a stand-in for the executions service: `standin.py PORT FUNCTIONS.json`.

It stands where the database would be: functions come from a JSON file, which is read again when it changes.
"""

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusebit_platform import server
from fusebit_platform.entries import RunEntry, RunRow
from fusebit_platform.gateway.records import Records
from fusebit_platform.policy import UNRESTRICTED, Policy

FIXED = "FIXED_GENERATION" in os.environ
SUBSCRIPTION = "sub-0123456789abcdef"


class Refused(Exception):
    """What the services raise."""

    def __init__(self, status: int, message: str, cause: str = "", caller: Any = None, missing: Any = None) -> None:
        self.status, self.message, self.cause, self.caller, self.missing = status, message, cause, caller, missing
        super().__init__(message)


@dataclass(frozen=True)
class Executable:
    account_id: str
    subscription_id: str
    boundary_id: str
    function_id: str
    version_id: str
    files: dict[str, str]
    base_url: str
    configuration: dict[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: int = 30
    security: dict[str, Any] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    concurrency: int | None = None
    function_permissions: Any = None
    policy: Policy = UNRESTRICTED
    dependencies: Path | None = None
    redirect_url: str = ""


@dataclass(frozen=True)
class Caller:
    permissions: dict[str, Any] | None = None
    access_token: str | None = None
    issuer_id: str = ""
    subject: str = ""
    kid: str = ""
    audited: bool = False


def frozen(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


class Executions:
    def __init__(self, path: Path, base_url: str) -> None:
        self.path = path
        self.base_url = base_url
        self.asked = 0

    def generation(self) -> int:
        if FIXED:  # a benchmark must not measure this file's look at the disk
            return 1
        return self.path.stat().st_mtime_ns

    def find(self, subscription_id: str, boundary_id: str, function_id: str) -> Executable | None:
        self.asked += 1
        stored = json.loads(self.path.read_text()).get(f"{boundary_id}/{function_id}")
        if stored is None or subscription_id != SUBSCRIPTION:
            return None
        stored["policy"] = Policy(**{name: frozen(value) for name, value in stored.get("policy", {}).items()})
        if "dependencies" in stored:
            stored["dependencies"] = Path(stored["dependencies"])
        location = f"{self.base_url}/v1/run/{subscription_id}/{boundary_id}/{function_id}"
        names = (subscription_id, boundary_id, function_id)
        return Executable("acc-0123456789abcdef", *names, base_url=location, **stored)

    def concurrency(self, subscription_id: str) -> int | None:
        if subscription_id != SUBSCRIPTION:
            raise Refused(404, "subscription not found")
        return None

    def authorise(self, executable: Any, authorization_header: str | None, *_: str) -> Caller:
        self.asked += 1
        if executable.security.get("authentication") != "required":
            return Caller()
        caller = Caller({"allow": [{"action": "function:*", "resource": "/"}]}, "good", "issuer", "ada", "key-1")
        if authorization_header == "Bearer narrow":
            raise Refused(403, "Unauthorized", "auth_denied", caller, ("function:execute", "/x/"))
        if authorization_header != "Bearer good":
            raise Refused(403, "Unauthorized", "auth_missing")
        return caller

    def function_access_token(self, executable: Any, *_: str) -> str | None:
        return f"minted-{time.time()}" if executable.function_permissions else None


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Stand where Django stands: health, an echo of the body's size, the number of look-ups, and the records."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = {"path": scope["path"], "method": scope["method"], "size": size, "asked": EXECUTIONS.asked}
    if scope["path"] == "/records":
        body = {"records": [as_record(*place, run) for place, runs in RECORDS.take().items() for run in runs]}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def as_record(subscription: str, boundary: str, run: RunRow) -> dict[str, Any]:
    """Return a remembered call as tests look at it."""
    entry = RunEntry._make(run)._asdict()
    return {"place": [subscription, boundary], **entry, **json.loads(entry["details"])}


if __name__ == "__main__":
    port = int(sys.argv[1])
    EXECUTIONS = Executions(Path(sys.argv[2]), f"http://localhost:{port}")
    RECORDS = Records()
    weak = os.environ.get("ALLOW_WEAK_SANDBOX") == "1"
    base_url = f"http://localhost:{port}"
    server.run(application, EXECUTIONS, port=port, base_url=base_url, records=RECORDS, allow_weak_sandbox=weak)
