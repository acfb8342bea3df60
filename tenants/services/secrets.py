"""Secrets of functions: encrypted under the tenant's key, bound to versions, masked wherever text is shown."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from django.contrib.auth.models import User

from fusebit_bridge import door
from tenants.models import Function, FunctionVersion, Secret, Tenant

MASKED_AT_MOST = 200  # values of one function, the newest; older ones are long replaced
LINE_AT_LEAST = 8


class Mask:
    """Replaces every secret in a text by `•••(NAME)`, also where it is quoted, encoded or one line of several."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        needles = {spelling: name for name, value in values for spelling in _spellings(value)}
        self._names = needles
        longest_first = sorted(needles, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(needle) for needle in longest_first)) if needles else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return self.raw(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") if text else text

    def raw(self, content: bytes) -> bytes:
        """Return the bytes without secrets."""
        if self._pattern is None:
            return content
        return self._pattern.sub(lambda found: f"•••({self._names[found[0]]})".encode(), content)


def vault_of(tenant: Tenant) -> door.Vault:
    """Return what encrypts for the tenant."""
    return door.vault(str(tenant.pk))


def keep(*, function: Function, name: str, value: str, author: User | None) -> Secret:
    """Write a value that can only be used, never read again; call it inside the transaction of the change."""
    row = Secret(function=function, name=name, author=author)
    row.sealed = vault_of(function.tenant).seal(value, *row.context)
    row.save(force_insert=True)
    return row


def of_version(version: FunctionVersion) -> dict[str, str]:
    """Return the values that the version runs with, by name; for Fusebit only, never for a page."""
    if not version.secrets:
        return {}
    function = version.function
    vault = vault_of(function.tenant)
    rows = {str(row.pk): row for row in function.secrets.filter(pk__in=version.secrets.values())}
    return {name: vault.open(rows[kept].sealed, *rows[kept].context) for name, kept in version.secrets.items()}


def environment(version: FunctionVersion) -> dict[str, str]:
    """Return what the function sees as its configuration: the plain values and the secrets."""
    return {**version.configuration, **of_version(version)}


def mask_of(function: Function) -> Mask:
    """Return what hides every value that the function has now or had before."""
    rows = list(function.secrets.all()[:MASKED_AT_MOST])
    if not rows:
        return Mask(())
    vault = vault_of(function.tenant)
    return Mask((row.name, vault.open(row.sealed, *row.context)) for row in reversed(rows))


def described(version: FunctionVersion) -> Mapping[str, Secret]:
    """Return the secrets of the version by name, for who and when; the values stay where they are."""
    rows = {
        str(row.pk): row
        for row in version.function.secrets.filter(pk__in=version.secrets.values()).select_related("author")
    }
    return {name: rows[kept] for name, kept in sorted(version.secrets.items())}


def _spellings(value: str) -> set[bytes]:
    """Return how a value may appear in logs: as it is, as JSON, in URLs, in base64, and its longer lines alone."""
    raw = value.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(raw).decode()
    texts = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    texts |= {quote(raw, safe=""), quote_plus(raw), encoded, encoded.rstrip("="), raw.hex()}
    texts |= {encoded.replace("+", "-").replace("/", "_").rstrip("=")}
    texts |= {line for line in value.splitlines() if len(line) >= LINE_AT_LEAST}
    return {text.encode("utf-8", "surrogatepass") for text in texts if text}
