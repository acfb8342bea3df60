"""Downloads the key sets of issuers, within limits, and remembers them for a while (contract 2.3)."""

import ipaddress
import json
import socket
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from fusebit_platform import configuration, keys
from fusebit_platform.keys import PublicKey

LIFETIME_S = 600.0
STALE_S = 3600.0
TIMEOUT_S = 3.0
MAX_BYTES = 65_536
MAX_SETS = 256
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
RETRIES_AT_ONCE = 5  # downloads for unknown kids that one address may cause in a row …
RETRY_EVERY_S = 60.0  # … and then one in this time


class Unavailable(Exception):
    """The key set cannot be had."""


@dataclass
class KeySet:
    """The parsed keys of one address."""

    members: dict[str, PublicKey] = field(default_factory=dict)
    fetched_at: float = float("-inf")
    failed: bool = False
    allowance: float = RETRIES_AT_ONCE
    counted_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def may_retry(self, now: float) -> bool:
        """Take one download from the allowance for unknown kids, if there is one."""
        refill = (now - self.counted_at) / RETRY_EVERY_S
        self.allowance = min(RETRIES_AT_ONCE, self.allowance + refill)
        self.counted_at = now
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True


_sets: "OrderedDict[str, KeySet]" = OrderedDict()
_lock = threading.Lock()


def find(url: str, kid: str) -> PublicKey | None:
    """Return the key named `kid` of the set at `url`, or None when it cannot be had."""
    key_set = _key_set(url)
    now = time.monotonic()
    fresh = now - key_set.fetched_at < LIFETIME_S
    if fresh and kid in key_set.members:
        return key_set.members[kid]
    with key_set.lock:
        if time.monotonic() - key_set.fetched_at < LIFETIME_S:
            if kid not in key_set.members and key_set.may_retry(now):
                _refresh(url, key_set)
        elif not key_set.failed or key_set.may_retry(now):
            _refresh(url, key_set)
        usable = time.monotonic() - key_set.fetched_at < STALE_S
    return key_set.members.get(kid) if usable else None


def forget(url: str) -> None:
    """Drop what is remembered of `url`, because its issuer changed."""
    with _lock:
        _sets.pop(url, None)


def _key_set(url: str) -> KeySet:
    with _lock:
        key_set = _sets.setdefault(url, KeySet())
        _sets.move_to_end(url)
        while len(_sets) > MAX_SETS:
            _sets.popitem(last=False)
        return key_set


def _refresh(url: str, key_set: KeySet) -> None:
    try:
        key_set.members = parse(download(url))
        key_set.fetched_at = time.monotonic()
        key_set.failed = False
    except Unavailable:
        key_set.failed = True


def parse(document: Any) -> dict[str, PublicKey]:
    """Return the usable keys of a JWKS or of a flat map of kid to PEM."""
    if not isinstance(document, dict):
        raise Unavailable
    found: dict[str, PublicKey | None] = {}
    members = document.get("keys")
    if isinstance(members, list):
        for jwk in members[:100]:
            if isinstance(jwk, dict) and jwk.get("use") == "sig" and jwk.get("kty") == "RSA":
                found.setdefault(str(jwk.get("kid") or ""), keys.from_jwk(jwk))
    else:
        found = {kid: keys.from_pem(pem) for kid, pem in list(document.items())[:100] if isinstance(pem, str)}
    return {kid: key for kid, key in found.items() if kid and key is not None}


def download(url: str) -> Any:
    """Return the JSON document at `url`; only https to public addresses, or http to origins the operator listed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unavailable from None
    origin = f"{parts.scheme}://{parts.netloc}"
    ours = _is_ours(parts.hostname or "", port, origin)
    listed = origin in configuration.current().jwks_http_origins
    if not parts.hostname or (parts.scheme != "https" and not ((ours or listed) and parts.scheme == "http")):
        raise Unavailable
    port = port or (443 if parts.scheme == "https" else 80)
    addresses = _addresses(parts.hostname, port)
    if not ours and not all(_is_allowed(address, parts.scheme, listed=listed) for address in addresses):
        raise Unavailable
    for address in addresses:
        try:
            return _read(parts, address, port)
        except (HTTPError, OSError):
            continue
    raise Unavailable


def _is_ours(host: str, port: int | None, origin: str) -> bool:
    """Tell whether an address is this server itself, under any of its loopback names."""
    base_url = configuration.current().base_url
    own = urlsplit(base_url)
    return origin == base_url or (host in LOOPBACK and own.hostname in LOOPBACK and port == own.port)


def _is_allowed(address: str, scheme: str, *, listed: bool) -> bool:
    """Tell whether keys may be fetched there: loopback where the operator says so, public addresses by https."""
    parsed = ipaddress.ip_address(address)
    return (listed and parsed.is_loopback) or (scheme == "https" and parsed.is_global)


def _addresses(host: str, port: int) -> list[str]:
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise Unavailable from None


def _read(parts: SplitResult, address: str, port: int) -> Any:
    # Connecting to the address that was checked, under the name that the certificate must have.
    timeout = urllib3.Timeout(total=TIMEOUT_S)
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address, port, timeout=timeout, server_hostname=parts.hostname, assert_hostname=parts.hostname
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, "Accept": "application/json"}
    with pool:
        answer = pool.urlopen(
            "GET", target, headers=headers, redirect=False, retries=False, preload_content=False, decode_content=False
        )
        try:
            content = _limited(answer)
        finally:
            answer.close()
    if answer.status != 200 or "json" not in answer.headers.get("content-type", "json"):
        raise Unavailable
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Unavailable from None


def _limited(answer: urllib3.BaseHTTPResponse) -> bytes:
    deadline = time.monotonic() + TIMEOUT_S
    content = b""
    while chunk := answer.read(8192):
        content += chunk
        if len(content) > MAX_BYTES or time.monotonic() > deadline:
            raise Unavailable
    return content
