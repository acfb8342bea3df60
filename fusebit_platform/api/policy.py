"""An operator's decisions about a boundary, which a tenant's own permissions never cover."""

import re
from ipaddress import ip_network
from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import AfterValidator

from fusebit_platform.api.runs import BoundaryEndpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.services import policies
from fusebit_platform.validation import Boolean, Name, Shape, at_most, whole_or_null, wrong

LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_PATTERN = re.compile(rf"\*|(\*\.)?{LABEL}(\.{LABEL})*", re.ASCII)
MAX_HOST = 253
MAX_ENTRIES = 200


def _host_pattern(value: str) -> str:
    value = value.lower()
    if len(value) <= MAX_HOST and (HOST_PATTERN.fullmatch(value) or _is_network(value)):
        return value
    raise wrong("must be a host name, one that begins with *., an address, a network, or *")


def _is_network(value: str) -> bool:
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


HostPatterns = Annotated[list[Annotated[str, AfterValidator(_host_pattern)]], at_most(MAX_ENTRIES)]


class LimitsBody(Shape):
    """Bounds on every function of the boundary; null where there is none."""

    concurrency: Annotated[int | None, whole_or_null(0, 1_000_000)] = None
    timeout: Annotated[int | None, whole_or_null(1, 900)] = None
    memory_size: Annotated[int | None, whole_or_null(64, 3008)] = None
    calls_per_minute: Annotated[int | None, whole_or_null(0, 1_000_000_000)] = None


class EgressBody(Shape):
    """Which public hosts functions may reach; what is denied is denied even where it is allowed."""

    allow: HostPatterns = []
    deny: HostPatterns = []


class KeysBody(Shape):
    """Keys whose tokens are refused in the boundary."""

    refused: Annotated[list[Name], at_most(MAX_ENTRIES)] = []


class PolicyBody(Shape):
    """The body of PATCH: the members to replace, null for none of it."""

    suspended: Boolean | None = None
    limits: LimitsBody | None = None
    egress: EgressBody | None = None
    keys: KeysBody | None = None


class Policy(BoundaryEndpoint):
    """`B/policy`"""

    actions = {"GET": "policy:get", "PATCH": "policy:update"}
    shapes = {"PATCH": PolicyBody}

    def get(self) -> HttpResponse:
        """Return what has been decided."""
        return answer(policies.get(boundary=self.boundary))

    def patch(self) -> HttpResponse:
        """Decide anew about the members that are there; it holds for the next call."""
        body: PolicyBody = self.body
        changes: dict[str, Any] = body.model_dump(by_alias=True, exclude_unset=False)
        named = {name: value for name, value in changes.items() if name in self.payload}
        return answer(policies.update(boundary=self.boundary, changes=named))
