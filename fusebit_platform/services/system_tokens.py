"""The tokens that the server itself signs for functions (contract 2.4, 6.4)."""

import secrets
import threading
import time
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from fusebit_platform import configuration, keys, resources
from fusebit_platform.models import SystemKey
from fusebit_platform.services import transactions

ROTATION = timedelta(minutes=150)
LIFETIME = timedelta(hours=12)
KEY_BITS = 2048
TOKEN_S = 15 * 60

_lock = threading.Lock()
_newest: list[SystemKey] = []


def current_key() -> SystemKey:
    """Return the key pair that signs now; make a new one when it is time."""
    with _lock:
        if not _newest or timezone.now() - _newest[0].created_at >= ROTATION:
            _newest[:] = [_stored() or _make()]
        return _newest[0]


def _stored() -> SystemKey | None:
    return SystemKey.objects.filter(created_at__gt=timezone.now() - ROTATION).order_by("-created_at").first()


def _make() -> SystemKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    now = timezone.now()
    with transactions.change():
        SystemKey.objects.filter(created_at__lt=now - LIFETIME).delete()
        return SystemKey.objects.create(kid=secrets.token_hex(8), private_key=pem, created_at=now)


def mint(*, subject: str, permissions: dict[str, Any], profile: dict[str, str], lifetime_s: int = TOKEN_S) -> str:
    """Return a token of the system issuer with exactly these permissions."""
    key = current_key()
    now = int(time.time())
    claims = {
        "iss": f"{key.kid}{resources.SYSTEM_SUFFIX}",
        "sub": subject,
        "aud": configuration.current().base_url,
        "iat": now,
        "exp": now + lifetime_s,
        resources.PERMISSIONS_CLAIM: permissions,
        resources.PROFILE_CLAIM: profile,
    }
    return jwt.encode(claims, keys.private_from_pem(key.private_key), algorithm="RS256", headers={"kid": key.kid})
