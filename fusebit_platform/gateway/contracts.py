"""What the gateway needs from the rest of the platform."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from fusebit_platform.policy import Policy
from fusebit_platform.runtime.builds import Build, Reply


class Executable(Protocol):
    """A stored function as it runs now."""

    @property
    def account_id(self) -> str: ...
    @property
    def subscription_id(self) -> str: ...
    @property
    def boundary_id(self) -> str: ...
    @property
    def function_id(self) -> str: ...
    @property
    def version_id(self) -> str: ...
    @property
    def files(self) -> Mapping[str, str | bytes]: ...
    @property
    def configuration(self) -> Mapping[str, str]: ...
    @property
    def memory_mb(self) -> int: ...
    @property
    def timeout_s(self) -> int: ...
    @property
    def routes(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def base_url(self) -> str: ...
    @property
    def concurrency(self) -> int | None: ...
    @property
    def function_permissions(self) -> Any: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def redirect_url(self) -> str: ...
    @property
    def dependencies(self) -> Path | None: ...


class Caller(Protocol):
    """Who may run: the first two members are None, and the others empty, for an anonymous caller."""

    @property
    def permissions(self) -> Mapping[str, Any] | None: ...
    @property
    def access_token(self) -> str | None: ...
    @property
    def issuer_id(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def kid(self) -> str: ...
    @property
    def audited(self) -> bool:
        """Tell whether every call needs a decision of its own, because each is recorded."""


class Executions(Protocol):
    """Look up and authorise executions. All but `generation` may block; the gateway calls them in a thread.

    Their refusals are exceptions with an HTTP `status` and a safe `message`; that of `authorise` may also have `cause`,
    `caller` and `missing` (action and resource) for the record of the run.
    """

    def find(self, subscription_id: str, boundary_id: str, function_id: str) -> Executable | None:
        """Return the function, or None."""

    def concurrency(self, subscription_id: str) -> int | None:
        """Return how many calls of a subscription may run at once, None for any; raise when it is missing."""

    def authorise(self, executable: Any, authorization_header: str | None, path: str, method: str) -> Caller:
        """Return the caller, or raise the refusal (contract 6.2)."""

    def function_access_token(self, executable: Any, path: str) -> str | None:
        """Return the token a function runs with, or None (contract 6.4)."""

    def schedule(
        self,
        executable: Any,
        route: Mapping[str, Any],
        members: Mapping[str, Any],
        *,
        not_before: str | None,
        received_ms: int,
        base_url: str,
    ) -> dict[str, Any]:
        """Keep a task until it is due and return what the caller is told; raise the refusal (contract 6.7)."""

    def generation(self) -> int:
        """Return a number that changes with every write that can change an answer of the others."""


class Runtime(Protocol):
    """Run functions in isolation."""

    def submit(self, build: Build, payload: bytes, reply: Reply, trace_id: str = "") -> None:
        """Run one call; `reply` is called exactly once."""
