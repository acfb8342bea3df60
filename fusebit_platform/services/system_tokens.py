"""The tokens that the server itself signs for functions (contract 2.4, 6.4)."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from fusebit_platform import configuration, resources
from fusebit_platform.models import SystemKey
from fusebit_platform.services import transactions

ROTATION = timedelta(minutes=150)
LIFETIME = timedelta(hours=12)
KEY_BITS = 2048
TOKEN_S = 15 * 60

_lock = threading.Lock()
_own: list["OwnKey"] = []


@dataclass(frozen=True)
class OwnKey:
    """A key of this process: what signs, its id, and when the next one follows."""

    kid: str
    private: rsa.RSAPrivateKey = field(repr=False)
    created_at: datetime


def current_key() -> OwnKey:
    """Return the key of this process that signs now; make a new one when it is time."""
    with _lock:
        if not _own or timezone.now() - _own[0].created_at >= ROTATION:
            _own[:] = [_make()]
        return _own[0]


def _make() -> OwnKey:
    made = OwnKey(secrets.token_hex(8), rsa.generate_private_key(65537, KEY_BITS), timezone.now())
    public = made.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    with transactions.change():
        SystemKey.objects.filter(created_at__lt=made.created_at - LIFETIME).delete()
        SystemKey.objects.create(kid=made.kid, public_key=public, created_at=made.created_at)
    return made


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
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})
