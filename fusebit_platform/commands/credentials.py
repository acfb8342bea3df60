"""Key pairs and profiles of agents, in the shape of `profile get --includeCredentials -o json` (contract 8.3)."""

import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fusebit_platform.resources import PROFILE_CLAIM

ALGORITHM = "RS256"
KEY_BITS = 2048
TOKEN_S = 120
Profile = dict[str, Any]


def key_pair() -> dict[str, str]:
    """Return a new key pair: `kid`, `privateKey` (PKCS#8) and `publicKey` (SPKI), both PEM."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "kid": secrets.token_hex(4),
        "privateKey": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        "publicKey": public.decode("ascii"),
    }


def profile(name: str, ids: dict[str, str], identity: dict[str, str], keys: dict[str, str]) -> Profile:
    """Return a profile; `ids` names account and subscription, `identity` issuer and subject."""
    pki = {
        "issuer": identity["issuer"],
        "subject": identity["subject"],
        "kid": keys["kid"],
        "type": "pki",
        "algorithm": ALGORITHM,
        "privateKey": keys["privateKey"],
        "publicKey": keys["publicKey"],
    }
    return {"id": name, "displayName": name, **ids, "type": "pki", "pki": pki}


def shown(stored: Profile, base_url: str, *, credentials: bool) -> Profile:
    """Return a stored profile as it is printed: with the server's address of today, keys only when asked for."""
    pki = stored["pki"]
    if credentials:
        first = {key: pki[key] for key in ("issuer", "subject", "kid", "type", "algorithm")}
        pki = {**first, "audience": base_url, "privateKey": pki["privateKey"], "publicKey": pki["publicKey"]}
    else:
        pki = {key: pki[key] for key in ("issuer", "subject", "kid")}
    names = {key: stored[key] for key in ("id", "displayName")}
    ids: Profile = {key: stored[key] for key in ("account", "subscription") if key in stored}
    return {**names, "baseUrl": base_url, **ids, "type": "pki", "pki": pki}


def token(stored: Profile, base_url: str) -> str:
    """Return a token of a profile's agent, good for two minutes."""
    pki, now = stored["pki"], int(time.time())
    claims = {
        "iss": pki["issuer"],
        "sub": pki["subject"],
        "aud": base_url,
        "iat": now,
        "exp": now + TOKEN_S,
        PROFILE_CLAIM: {"accountId": stored["account"], "subscriptionId": stored["subscription"]},
    }
    headers = {"kid": pki["kid"], "jwtId": secrets.token_hex(16)}
    return jwt.encode(claims, pki["privateKey"], algorithm=pki["algorithm"], headers=headers)
