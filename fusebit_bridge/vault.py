"""Encrypts what people entrust to the product: a random key for each owner, itself encrypted under the tenants' ring.

Taking an owner's key away makes everything that was encrypted for them unreadable, wherever a copy of it lies.
"""

import base64
import hashlib
import hmac
import os
import threading

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.views.decorators.debug import sensitive_variables

from fusebit_bridge.encryption import KEY_BYTES, Ring, ring_for
from fusebit_bridge.models import DataKey, Purpose

SETTING = "an owner's data key"
KEPT_AT_MOST = 1_000

_lock = threading.Lock()
_opened: dict[str, tuple[str, "Vault"]] = {}


class Vault:
    """What was encrypted for one owner, in and out."""

    @sensitive_variables()
    def __init__(self, owner: str, raw: bytes) -> None:
        self.owner = owner
        self._ring = Ring(SETTING, {hashlib.sha256(b"key id" + raw).hexdigest()[:8]: AESGCM(raw)})
        self._mac_key = hmac.digest(raw, b"authentication", "sha256")

    @sensitive_variables()
    def seal(self, plain: str, *context: str) -> str:
        """Encrypt `plain`, bound to the owner and to `context`: table, column, row and purpose."""
        return self._ring.seal(plain, self.owner, *context)

    @sensitive_variables()
    def open(self, sealed: str, *context: str) -> str:
        """Decrypt; raise CannotDecrypt for another owner, another context, or a changed bit."""
        return self._ring.open(sealed, self.owner, *context)

    def authenticate(self, text: str) -> str:
        """Return 64 hexadecimal digits that nobody without the owner's key can make for `text` (HMAC-SHA-256)."""
        return hmac.digest(self._mac_key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def __repr__(self) -> str:
        return f"<Vault {self.owner}>"


@sensitive_variables()
def of(owner: str) -> Vault:
    """Return the owner's vault, a new one at the first time; raise NotConfigured or CannotDecrypt.

    One query: a key that another process took away is not used again here.
    """
    row = DataKey.objects.filter(owner=owner).first() or _made(owner)
    with _lock:
        sealed, vault = _opened.get(owner, ("", None))
    if vault is None or sealed != row.sealed:
        raw = base64.b64decode(ring_for(Purpose.TENANT).open(row.sealed, *row.context))
        vault = Vault(owner, raw)
        with _lock:
            if len(_opened) >= KEPT_AT_MOST:
                _opened.clear()
            _opened[owner] = (row.sealed, vault)
    return vault


def shred(owner: str) -> bool:
    """Destroy the owner's key, and with it everything that was encrypted for them; tell whether there was one."""
    with _lock:
        _opened.pop(owner, None)
    return DataKey.objects.filter(owner=owner).delete()[0] > 0


def forget() -> None:
    """Drop every opened key of this process."""
    with _lock:
        _opened.clear()


@sensitive_variables()
def _made(owner: str) -> DataKey:
    row = DataKey(owner=owner)
    raw = base64.b64encode(os.urandom(KEY_BYTES)).decode()
    sealed = ring_for(Purpose.TENANT).seal(raw, *row.context)
    return DataKey.objects.get_or_create(owner=owner, defaults={"id": row.pk, "sealed": sealed})[0]
