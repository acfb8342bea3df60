"""Reads public keys: PEM texts and JSON Web Keys; a URL is never a key."""

import base64
import binascii
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate

PublicKey = RSAPublicKey | EllipticCurvePublicKey

MAX_PEM_CHARACTERS = 16_384
MIN_RSA_BITS = 2048
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def algorithms_of(key: PublicKey) -> frozenset[str]:
    """Return the signature algorithms that `key` may verify (contract 2.2)."""
    if isinstance(key, RSAPublicKey):
        return RSA_ALGORITHMS if key.key_size >= MIN_RSA_BITS else frozenset()
    algorithm = CURVE_ALGORITHMS.get(key.curve.name)
    return frozenset({algorithm} if algorithm else ())


@lru_cache(maxsize=1024)
def from_pem(text: str) -> PublicKey | None:
    """Return the key of a PEM public key or certificate, or None when `text` is neither."""
    if len(text) > MAX_PEM_CHARACTERS or not text.lstrip().startswith("-----BEGIN "):
        return None
    try:
        content = text.encode("ascii")
        if b"BEGIN CERTIFICATE" in content:
            return _usable(load_pem_x509_certificate(content).public_key())
        return _usable(load_pem_public_key(content))
    except (ValueError, UnsupportedAlgorithm):
        return None


def from_jwk(jwk: dict[str, Any]) -> PublicKey | None:
    """Return the RSA key of a JSON Web Key with `x5c` or `n` and `e`, or None (contract 2.3)."""
    chain = jwk.get("x5c")
    try:
        if isinstance(chain, list) and chain and isinstance(chain[0], str):
            return _usable(load_der_x509_certificate(base64.b64decode(chain[0], validate=True)).public_key())
        modulus, exponent = _number(jwk.get("n")), _number(jwk.get("e"))
        return RSAPublicNumbers(exponent, modulus).public_key() if modulus and exponent else None
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None


def _number(text: object) -> int:
    if not isinstance(text, str):
        return 0
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _usable(key: object) -> PublicKey | None:
    return key if isinstance(key, RSAPublicKey | EllipticCurvePublicKey) else None
