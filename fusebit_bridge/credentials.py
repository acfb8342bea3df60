"""The client profile and the private key in it: checked once, parsed once, shown never (contract 8.3)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fusebit_bridge.errors import FusebitError, InvalidName
from fusebit_bridge.resources import AccountId, IssuerId, SubscriptionId

MIN_RSA_BITS = 2048
PROFILE_LIMIT = 64 * 1024  # bytes; a real one has about 5 KB
CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_PEM = re.compile(r"\s*-----BEGIN ([A-Z ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----\s*")
_KEY_ID = re.compile(r"[\x21-\x7e]{1,128}")

PrivateKeyObject = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKeyObject = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class BadCredentials(FusebitError):
    """A profile or a key that cannot be used; the message names the member and what is wrong with it."""

    code = "bad_credentials"
    default_message = "The client profile cannot be used."


class PrivateKey:
    """A key that signs and never shows itself: no copy, no pickle, nothing in its repr.

    Parsing costs a hundred times what signing does, so whoever signs keeps this object.
    """

    __slots__ = ("_object", "algorithm", "fingerprint", "key_id")

    def __init__(self, pem: str, *, key_id: str, algorithm: str) -> None:
        if not _KEY_ID.fullmatch(key_id):
            raise BadCredentials("The key id must be 1 to 128 printable characters without spaces.")
        self.key_id = key_id
        self.algorithm = algorithm
        self._object = _parse_private(pem)
        _check_fit(self._object, algorithm)
        self.fingerprint = fingerprint(self._object.public_key())

    @classmethod
    def generate(cls, *, key_id: str, bits: int = 3072) -> "PrivateKey":
        """Return a new RSA key that signs RS256, the one algorithm every Fusebit accepts."""
        made = rsa.generate_private_key(public_exponent=65537, key_size=max(bits, MIN_RSA_BITS))
        return cls(_private_pem(made), key_id=key_id, algorithm="RS256")

    def sign(self, claims: dict[str, Any], headers: dict[str, Any]) -> str:
        """Return the compact token of `claims`; `kid` and `alg` are the key's own."""
        return jwt.encode(claims, self._object, algorithm=self.algorithm, headers={**headers, "kid": self.key_id})

    def export(self) -> str:
        """Return the key as PKCS#8 PEM, for one purpose: to be encrypted at once."""
        return _private_pem(self._object)

    @property
    def public_pem(self) -> str:
        """Return the public half as SPKI PEM."""
        return public_pem(self._object.public_key())

    def __repr__(self) -> str:
        return f"<PrivateKey {self.key_id} {self.algorithm} {self.fingerprint[:16]}>"

    def __reduce_ex__(self, *_args: Any) -> NoReturn:
        raise TypeError("A private key is not copied and not pickled.")

    __copy__ = __deepcopy__ = __reduce_ex__


@dataclass(frozen=True)
class ClientProfile:
    """What `profile get --includeCredentials -o json` prints, checked; `audience` is kept byte for byte.

    A profile of type `oauth` has no key, issuer and subject: its tokens come from `token_url`.
    """

    name: str
    base_url: str
    account_id: str
    subscription_id: str
    issuer_id: str
    subject: str
    audience: str
    key: PrivateKey | None
    token_url: str = ""

    @classmethod
    def from_json(cls, text: str | bytes) -> "ClientProfile":
        """Read a profile; raise BadCredentials that names the first member at fault."""
        members = _load(text)
        kind = _kind(members)
        base_url = checked_base_url(_text(members, "baseUrl"))
        return cls(
            name=_optional_text(members, "displayName") or _optional_text(members, "id") or "client",
            base_url=base_url,
            account_id=_identifier(members, "account", AccountId),
            subscription_id=_identifier(members, "subscription", SubscriptionId),
            **(_of_key if kind == "pki" else _of_server)(members[kind], base_url),
        )


def _of_key(pki: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return what a client has that signs with its own key."""
    key = PrivateKey(
        _text(pki, "privateKey", within="pki"),
        key_id=_text(pki, "kid", within="pki"),
        algorithm=_text(pki, "algorithm", within="pki"),
    )
    if fingerprint(parse_public(_text(pki, "publicKey", within="pki"))) != key.fingerprint:
        raise BadCredentials("“pki.publicKey” is not the public half of “pki.privateKey”.")
    return {
        "issuer_id": _identifier(pki, "issuer", IssuerId, within="pki"),
        "subject": _text(pki, "subject", within="pki"),
        "audience": _optional_text(pki, "audience", within="pki") or base_url,
        "key": key,
    }


def _of_server(oauth: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return what a client has whose tokens come from an authorization server."""
    return {
        "issuer_id": "",
        "subject": "",
        "audience": _optional_text(oauth, "audience", within="oauth") or base_url,
        "key": None,
        "token_url": _text(oauth, "tokenUrl", within="oauth"),
    }


def checked_base_url(value: str) -> str:
    """Return an http(s) URL without a trailing slash, or raise BadCredentials."""
    url = value.rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadCredentials("“baseUrl” is not a URL.") from None
    plain = not (parts.query or parts.fragment or parts.username or parts.password or parts.path)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain or not url.isascii():
        raise BadCredentials("“baseUrl” must be scheme, host and port, such as https://api.example.com.")
    return url


def parse_public(pem: str) -> PublicKeyObject:
    """Parse one PEM public key; raise BadCredentials."""
    found = _PEM.fullmatch(pem)
    if not found or "PUBLIC KEY" not in found[1]:
        raise BadCredentials("The public key is not exactly one PEM block.")
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadCredentials("The public key cannot be read.") from None
    if isinstance(key, PublicKeyObject):
        return key
    raise BadCredentials("The public key is neither RSA nor elliptic curve.")


def public_pem(key: PublicKeyObject) -> str:
    """Return the key as SPKI PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def public_jwk(pem: str, *, key_id: str, algorithm: str) -> dict[str, Any]:
    """Return the public key as a JSON Web Key for signatures (RFC 7517, 4)."""
    key = parse_public(pem)
    members: Mapping[str, Any]
    if isinstance(key, rsa.RSAPublicKey):
        members = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        members = jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True)
    public: dict[str, Any] = {name: members[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in members}
    return {**public, "use": "sig", "kid": key_id, "alg": algorithm}


def fingerprint(key: PublicKeyObject) -> str:
    """Return the SHA-256 of the key's SPKI DER, hexadecimal."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _parse_private(pem: str) -> PrivateKeyObject:
    found = _PEM.fullmatch(pem)
    if not found or not found[1].endswith("PRIVATE KEY"):
        raise BadCredentials("The private key is not exactly one PEM block.")
    if found[1].startswith("ENCRYPTED"):
        raise BadCredentials("The private key is protected by a passphrase; export it without one.")
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadCredentials("The private key cannot be read.") from None
    if isinstance(key, PrivateKeyObject):
        return key
    raise BadCredentials("The private key is neither RSA nor elliptic curve.")


def _check_fit(key: PrivateKeyObject, algorithm: str) -> None:
    if algorithm not in RSA_ALGORITHMS and algorithm not in CURVES:
        raise BadCredentials("The algorithm must be RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512.")
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise BadCredentials(f"The RSA key has {key.key_size} bits; {MIN_RSA_BITS} are the least.")
        if algorithm not in RSA_ALGORITHMS:
            raise BadCredentials(f"An RSA key does not sign {algorithm}.")
    elif CURVES.get(algorithm) != key.curve.name:
        raise BadCredentials(f"A key on the curve {key.curve.name} does not sign {algorithm}.")


def _private_pem(key: PrivateKeyObject) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _load(text: str | bytes) -> dict[str, Any]:
    if len(text) > PROFILE_LIMIT:
        raise BadCredentials("The profile is larger than a profile can be.")
    try:
        members = json.loads(text, object_pairs_hook=_without_duplicates)
    except UnicodeDecodeError:
        raise BadCredentials("The profile is not UTF-8 text.") from None
    except json.JSONDecodeError as error:  # its text quotes nothing of the document
        where = f"line {error.lineno}, column {error.colno}"
        raise BadCredentials(f"The profile is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise BadCredentials("The profile is nested too deeply.") from None
    if not isinstance(members, dict):
        raise BadCredentials("The profile must be a JSON object.")
    return members


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadCredentials("The profile names a member twice.")
    return members


def _kind(members: dict[str, Any]) -> str:
    """Return `pki` or `oauth`, whose object is there."""
    if "profile" in members and "baseUrl" not in members:
        raise BadCredentials("This is the output of `profile export`; use `profile get --includeCredentials -o json`.")
    kind = _text(members, "type")
    if kind not in {"pki", "oauth"}:
        raise BadCredentials("“type” must be “pki”, a client with a key, or “oauth”, one of an authorization server.")
    if not isinstance(members.get(kind), dict):
        raise BadCredentials(f"“{kind}” is missing or not an object.")
    if kind == "pki" and "privateKey" not in members["pki"]:
        raise BadCredentials("“pki.privateKey” is missing: export the profile with --includeCredentials.")
    return kind


def _text(members: dict[str, Any], name: str, *, within: str = "") -> str:
    label = f"{within}.{name}" if within else name
    if name not in members:
        raise BadCredentials(f"“{label}” is missing.")
    value = members[name]
    if not isinstance(value, str):
        raise BadCredentials(f"“{label}” must be a string.")
    if not value.strip():
        raise BadCredentials(f"“{label}” is empty.")
    return value


def _optional_text(members: dict[str, Any], name: str, *, within: str = "") -> str:
    return _text(members, name, within=within) if name in members else ""


def _identifier(members: dict[str, Any], name: str, kind: Any, *, within: str = "") -> str:
    value = _text(members, name, within=within)
    try:
        return str(kind(value))
    except InvalidName:
        label = f"{within}.{name}" if within else name
        raise BadCredentials(f"“{label}” is not {kind.kind}.") from None
