"""Encrypts at rest: AES-256-GCM under a ring of keys, bound to the row and the purpose.

The first key of a ring encrypts and all of them decrypt, so a key is changed by putting a new one in front. What was
sealed for one row, column, purpose or version does not open for another.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from fusebit_bridge.errors import NotConfigured

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = "v1"
SETTING_OF_PURPOSE = {"client": "CLIENT_KEY_ENCRYPTION_KEYS", "tenant": "KEY_ENCRYPTION_KEYS"}


class CannotDecrypt(NotConfigured):
    """The text was sealed under a key that is not in the ring, for another row, or was altered."""

    code = "cannot_decrypt"
    default_message = "A stored key cannot be decrypted."


@dataclass(frozen=True)
class Ring:
    """The keys of one purpose, by a short public id."""

    setting: str
    keys: dict[str, AESGCM] = field(repr=False)

    @classmethod
    @sensitive_variables()
    def parse(cls, text: str, setting: str) -> "Ring":
        """Read comma-separated base64 keys of 32 bytes; raise NotConfigured that names the setting."""
        keys: dict[str, AESGCM] = {}
        for position, word in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
            try:
                raw = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
            except binascii.Error:
                raw = b""
            if len(raw) != KEY_BYTES:
                raise NotConfigured(f"Key {position} in {setting} is not {KEY_BYTES} bytes in base64.")
            keys[hashlib.sha256(b"key id" + raw).hexdigest()[:8]] = AESGCM(raw)
        if not keys:
            raise NotConfigured(
                f"{setting} is not set: give it, or {setting}_FILE, one or more base64 keys of 32 bytes."
            )
        return cls(setting, keys)

    @sensitive_variables()
    def seal(self, plain: str, *context: str) -> str:
        """Encrypt under the first key; only the same `context` opens it again."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(NONCE_BYTES)
        sealed = key.encrypt(nonce, plain.encode(), _bound_to(context))
        return ".".join([FORMAT, key_id, _text(nonce), _text(sealed)])

    @sensitive_variables()
    def open(self, sealed: str, *context: str) -> str:
        """Decrypt; raise CannotDecrypt when the key is gone, the context is another, or a bit has changed."""
        try:
            form, key_id, nonce, body = sealed.split(".")
            key = self.keys.get(key_id)
            if form != FORMAT or key is None:
                raise CannotDecrypt(f"What is stored was encrypted under a key that is not in {self.setting}.")
            return key.decrypt(_raw(nonce), _raw(body), _bound_to(context)).decode()
        except (ValueError, InvalidTag):
            raise CannotDecrypt("What is stored was altered, or moved from another row.") from None

    def is_current(self, sealed: str) -> bool:
        """Tell whether the text is encrypted under the first key."""
        return sealed.startswith(f"{FORMAT}.{next(iter(self.keys))}.")


@sensitive_variables()
def ring_for(purpose: str) -> Ring:
    """Return the ring of `client` or `tenant`; raise NotConfigured where this process has none."""
    setting = SETTING_OF_PURPOSE[purpose]
    try:
        text = getattr(settings, setting).read()
    except ImproperlyConfigured as error:
        raise NotConfigured(f"{setting} cannot be read in this process.", detail=str(error)) from None
    return Ring.parse(text, setting)


def _bound_to(context: tuple[str, ...]) -> bytes:
    """Join with the lengths in front, so that no two contexts give the same bytes."""
    parts = [part.encode() for part in ("fusebit_bridge", *context)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
