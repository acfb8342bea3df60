"""Names on the wire: identifiers, their patterns, and the resource paths of authorization (contract 1.2, 3.3)."""

import re
import secrets

# The patterns are quoted in error texts, so their spelling is the contract's.
ACCOUNT_ID = r"^acc-[a-f0-9]{16}$"
SUBSCRIPTION_ID = r"^sub-[a-f0-9]{16}$"
USER_ID = r"^usr-[a-f0-9]{16}$"
CLIENT_ID = r"^clt-[a-f0-9]{16}$"
INIT_ID = r"^int-[a-f0-9]{16}$"
TASK_ID = r"^tsk-[a-f0-9]{16}$"
BOUNDARY_ID = r"^[a-z0-9\-]{1,63}$"
FUNCTION_ID = r"^[A-Za-z0-9\-]{1,64}$"
ISSUER_ID = r"^((?!system.fusebit.io$).)*$"
STORAGE_ID = r"^[^\/\*]+(?:\/[^\/\*]+)*\/?$"

SYSTEM_SUFFIX = ".system.fusebit.io"
PERMISSIONS_CLAIM = "https://fusebit.io/permissions"
PROFILE_CLAIM = "https://fusebit.io/profile"


def new_id(prefix: str) -> str:
    """Return a fresh identifier such as `usr-0123456789abcdef`."""
    return f"{prefix}-{secrets.token_hex(8)}"


def matches(pattern: str, value: str) -> bool:
    """Tell whether the whole of `value` matches a pattern of this module (ASCII only, no newline at the end)."""
    return re.fullmatch(pattern, value, re.ASCII) is not None and not value.endswith("\n")


def normalize(resource: str) -> str:
    """Return `resource` with a leading and a trailing slash, otherwise untouched (contract 3.3)."""
    leading = "" if resource.startswith("/") else "/"
    trailing = "" if resource.endswith("/") else "/"
    return f"{leading}{resource}{trailing}"


def account_path(account_id: str) -> str:
    """Return the resource of an account."""
    return f"/account/{account_id}/"


def subscription_path(account_id: str, subscription_id: str) -> str:
    """Return the resource of a subscription."""
    return f"{account_path(account_id)}subscription/{subscription_id}/"


def function_path(account_id: str, subscription_id: str, boundary_id: str, function_id: str) -> str:
    """Return the resource of a function."""
    subscription = subscription_path(account_id, subscription_id)
    return f"{subscription}boundary/{boundary_id}/function/{function_id}/"
