"""What an operator allows a boundary beyond what its functions say of themselves; the default restricts nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The restrictions of one boundary. A host pattern is a host name, or `*.suffix` for every name below it."""

    suspended: bool = False
    concurrency: int | None = None  # calls of the boundary at once
    calls_per_minute: int | None = None
    timeout_s: int | None = None  # upper bounds of what a function's compute asks for
    memory_mb: int | None = None
    egress_allow: tuple[str, ...] = ()  # empty: every public host
    egress_deny: tuple[str, ...] = ()  # wins over what is allowed
    refused_kids: frozenset[str] = frozenset()  # tokens signed by these keys are not accepted here


UNRESTRICTED = Policy()
