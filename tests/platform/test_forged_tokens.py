"""Tokens and keys made to deceive (security JW-14 to JW-24)."""

import base64
import json
import secrets
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.embedded import EmbeddedFusebit, KeyPair, encode


def status(embedded: EmbeddedFusebit, token: str) -> int:
    return embedded.request("GET", f"{embedded.a}/me", token=token).status_code


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: KeyPair) -> dict[str, str]:
    public = key.private.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "kid": key.kid, "n": number(public.n), "e": number(public.e)}


def registered(embedded, pem: str, kid: str = "k") -> str:
    """Return a new issuer with this key, and a client that it may speak for as `x`."""
    issuer = f"own-{secrets.token_hex(4)}"
    body = {"publicKeys": [{"keyId": kid, "publicKey": pem}]}
    assert embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json=body).status_code == 200
    identity = {"identities": [{"issuerId": issuer, "subject": "x"}]}
    assert embedded.request("POST", f"{embedded.a}/client", json=identity).status_code == 200
    return issuer


def test_jw_17_a_signature_of_zeros_is_none_and_a_mirrored_one_is_the_same_identity(embedded):
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    claims = {"iss": registered(embedded, pem), "sub": "x", "aud": embedded.base_url}
    token = jwt.encode(claims, private, algorithm="ES256", headers={"kid": "k"})
    signed, _dot, signature = token.rpartition(".")
    content = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    mirrored = content[:32] + (order - int.from_bytes(content[32:], "big")).to_bytes(32, "big")
    assert status(embedded, token) == 200
    assert status(embedded, f"{signed}.{encode(mirrored)}") in {200, 403}
    for forged in (bytes(64), content[:32] + bytes(32), bytes(32) + content[32:], content + b"\0", content[:-1]):
        assert status(embedded, f"{signed}.{encode(forged)}") == 403


def test_jw_14_only_the_servers_own_keys_speak_for_the_server(embedded):
    claim = {"https://fusebit.io/permissions": {"allow": [{"action": "*", "resource": "/"}]}}
    for issuer in ("x.system.fusebit.io", f"{'0' * 16}.system.fusebit.io", "x.systemXfusebitYio", "system.fusebit.io"):
        for kid in (embedded.key.kid, issuer.partition(".")[0]):
            now = int(time.time())
            claims = {"iss": issuer, "sub": "x", "aud": embedded.base_url, "exp": now + 60, **claim}
            token = embedded.key.sign(claims, kid=kid)
            assert embedded.request("GET", embedded.a, token=token).status_code == 403


def test_jw_22_unknown_kids_cause_few_downloads_and_strange_ones_none_that_hangs(embedded, boundary):
    key, issuer = KeyPair(), f"flood-{secrets.token_hex(4)}"
    document = json.dumps({"keys": [jwk(key)]})
    spec = {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {document}}});"}}}
    location = embedded.request("PUT", embedded.f(boundary, "keys"), json=spec).json()["location"]
    embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"jsonKeysUrl": location})
    embedded.request("POST", f"{embedded.a}/client", json={"identities": [{"issuerId": issuer, "subject": "x"}]})
    strange = ["constructor", "__proto__", "toString", "hasOwnProperty", "x" * 3000]
    for kid in [*strange, *(secrets.token_hex(4) for _ in range(60))]:
        assert status(embedded, embedded.token(key=KeyPairNamed(key, kid), iss=issuer, sub="x")) == 403
    assert status(embedded, embedded.token(key=key, iss=issuer, sub="x")) == 200
    deadline = time.monotonic() + 20
    while not (runs := embedded.request("GET", f"{embedded.b(boundary)}/run?count=100").json()["items"]):
        assert time.monotonic() < deadline
    assert 1 <= len(runs) <= 8


class KeyPairNamed(KeyPair):
    """A key under another name."""

    def __init__(self, key: KeyPair, kid: str) -> None:
        self.kid, self.private = kid, key.private


@pytest.mark.parametrize("scheme", ["http", "https", "file"])
def test_jw_19_a_public_key_is_never_fetched(embedded, scheme):
    made = embedded.request("POST", f"{embedded.a}/client", json={}).json()
    invitation = {"protocol": "pki", "profile": {}}
    token = embedded.request("POST", f"{embedded.a}/client/{made['id']}/init", json=invitation).json()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        address = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/key.pem"
        access = embedded.key.sign({"iss": "i", "sub": "s", "aud": "x"})
        body = {"protocol": "pki", "accessToken": access, "publicKey": address}
        assert embedded.request("POST", f"{embedded.a}/init", token=token, json=body).status_code == 403
        issuer = registered(embedded, address, embedded.key.kid)
        assert status(embedded, embedded.token(iss=issuer, sub="x")) == 403
        with pytest.raises(TimeoutError):
            listener.accept()


def test_jw_24_access_that_is_narrowed_counts_at_once(embedded):
    ada = embedded.add_user(("account:get", "/"))
    token = ada.token()
    assert embedded.request("GET", embedded.a, token=token).status_code == 200
    path = f"{embedded.a}/user/{ada.id}"
    embedded.request("PATCH", path, json={"access": {"allow": []}})
    assert embedded.request("GET", embedded.a, token=token).status_code == 403
    embedded.request("PATCH", path, json={"access": {"allow": [{"action": "account:get", "resource": "/"}]}})
    assert embedded.request("GET", embedded.a, token=token).status_code == 200
    embedded.request("PATCH", path, json={"identities": []})
    assert embedded.request("GET", embedded.a, token=token).status_code == 403
