"""Contract 2: where tokens come from, which are accepted, and whose they are."""

import base64
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.embedded import EmbeddedFusebit, KeyPair, encode, part, text_function


def status(embedded: EmbeddedFusebit, token: str | None, **options) -> int:
    answer = embedded.request("GET", f"{embedded.a}/me", token=token, **options)
    if answer.status_code == 403:
        assert answer.json() == {"status": 403, "statusCode": 403, "message": "Unauthorized"}
    return answer.status_code


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   ", "  bearer "])
def test_the_scheme_is_read_in_any_case(embedded, scheme):
    headers = {"Authorization": f"{scheme}{embedded.token()}".strip()}
    assert status(embedded, None, headers=headers) == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Token x"])
def test_other_schemes_are_refused(embedded, header):
    assert status(embedded, None, headers={"Authorization": header}) == 403


def test_a_token_in_the_query_is_not_looked_at(embedded):
    answer = embedded.request("GET", f"{embedded.a}/me?token={embedded.token()}", token=None)
    assert answer.status_code == 403


@pytest.mark.parametrize("kid", ["other", "constructor", "__proto__", "../../dev/null", "' OR 1=1--", 7, None, ["x"]])
def test_a_kid_that_names_no_key_is_refused(embedded, kid):
    now = int(time.time())
    claims = {"iss": embedded.issuer, "sub": embedded.subject, "aud": embedded.base_url, "exp": now + 60}
    assert status(embedded, embedded.key.sign(claims, kid=kid)) == 403


def test_the_audience_must_be_exactly_the_servers(embedded):
    base = embedded.base_url
    for audience in (f"{base}/", base.upper(), f"{base}.evil", "https://api.example.com", None, [], 7, {"a": base}):
        assert status(embedded, embedded.token(aud=audience)) == 403
    assert status(embedded, embedded.token(aud=["https://other.example", base])) == 200


def test_expiry_is_enforced_when_present_and_not_required(embedded):
    now = int(time.time())
    assert status(embedded, embedded.token(exp=None)) == 200
    assert status(embedded, embedded.token(exp=now - 1)) == 403
    assert status(embedded, embedded.token(exp=now + 60.5)) == 200
    for odd in ("soon", str(now + 60), True, [now + 60]):
        assert status(embedded, embedded.token(exp=odd)) == 403


def test_not_before_is_enforced_and_issued_at_is_ignored(embedded):
    now = int(time.time())
    assert status(embedded, embedded.token(nbf=now + 60)) == 403
    assert status(embedded, embedded.token(nbf=now - 1)) == 200
    assert status(embedded, embedded.token(iat=now + 3600)) == 200


def test_a_remembered_token_dies_when_it_expires(embedded):
    token = embedded.token(exp=time.time() + 1.0)
    assert status(embedded, token) == 200
    deadline = time.monotonic() + 10
    while status(embedded, token) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("claim", ["iss", "sub"])
@pytest.mark.parametrize("value", ["", "somebody", 7, None, ["ada"], "a\u0000b", "\ud800"])
def test_issuer_and_subject_must_be_an_identity(embedded, claim, value):
    assert status(embedded, embedded.token(**{claim: value})) == 403


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "ES256", "EdDSA", "RS1", "", 7, None])
def test_only_asymmetric_algorithms_of_the_keys_kind_count(embedded, algorithm):
    _head, claims, signature = embedded.token().split(".")
    head = part({"alg": algorithm, "typ": "JWT", "kid": embedded.key.kid})
    assert status(embedded, f"{head}.{claims}.{signature}") == 403
    assert status(embedded, f"{head}.{claims}.") == 403


def test_the_public_key_is_no_secret_for_hmac(embedded):
    head, claims = part({"alg": "HS256", "kid": embedded.key.kid}), embedded.token().split(".")[1]
    import hashlib
    import hmac

    signed = f"{head}.{claims}"
    signature = hmac.new(embedded.key.public_pem.encode(), signed.encode(), hashlib.sha256).digest()
    assert status(embedded, f"{signed}.{encode(signature)}") == 403


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"])
def test_every_algorithm_of_the_contract_is_accepted(embedded, algorithm):
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    if algorithm in curves:
        private = ec.generate_private_key(curves[algorithm])
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    issuer = f"alg-{secrets.token_hex(4)}"
    body = {"publicKeys": [{"keyId": "k", "publicKey": pem}]}
    assert embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json=body).status_code == 200
    user = {"identities": [{"issuerId": issuer, "subject": "x"}]}
    assert embedded.request("POST", f"{embedded.a}/user", json=user).status_code == 200
    claims = {"iss": issuer, "sub": "x", "aud": embedded.base_url}
    assert status(embedded, jwt.encode(claims, private, algorithm=algorithm, headers={"kid": "k"})) == 200
    other = "PS256" if algorithm.startswith("RS") else "RS256"
    if algorithm.startswith("ES"):
        head, rest, signature = jwt.encode(claims, private, algorithm=algorithm, headers={"kid": "k"}).split(".")
        assert status(embedded, f"{part({'alg': other, 'kid': 'k'})}.{rest}.{signature}") == 403
        assert head


def test_a_changed_signature_is_refused(embedded):
    head, claims, signature = embedded.token().split(".")
    broken = bytearray(base64.urlsafe_b64decode(signature + "=="))
    broken[5] ^= 1
    assert status(embedded, f"{head}.{claims}.{encode(bytes(broken))}") == 403


def test_a_token_signed_with_another_key_under_the_right_kid_is_refused(embedded):
    assert status(embedded, embedded.token(key=KeyPair(embedded.key.kid))) == 403


@pytest.mark.parametrize("token", ["a.b", "a.b.c.d", "..", "é.é.é", "a" * 40_000, "e30.e30.e30", "bnVsbA.bnVsbA.x"])
def test_what_is_no_jwt_is_refused(embedded, token):
    headers = {"Authorization": f"Bearer {token}".encode()}
    assert status(embedded, None, headers=headers) in {403, 400, 431}


def test_repeated_members_and_critical_headers_are_refused(embedded):
    head = part({"alg": "RS256", "kid": embedded.key.kid})
    claims = json.dumps({"iss": embedded.issuer, "sub": embedded.subject, "aud": embedded.base_url})
    twice = encode((claims[:-1] + ', "sub": "ada"}').encode())
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    signature = embedded.key.private.sign(f"{head}.{twice}".encode(), PKCS1v15(), SHA256())
    assert status(embedded, f"{head}.{twice}.{encode(signature)}") == 403
    body = {"iss": embedded.issuer, "sub": embedded.subject, "aud": embedded.base_url}
    assert status(embedded, embedded.key.sign(body, crit=["b64"], b64=False)) == 403


def test_an_unregistered_issuer_can_be_named_but_not_used(embedded):
    issuer = f"later-{secrets.token_hex(4)}"
    key = KeyPair()
    user = {"identities": [{"issuerId": issuer, "subject": "x"}]}
    assert embedded.request("POST", f"{embedded.a}/user", json=user).status_code == 200
    token = embedded.token(key=key, iss=issuer, sub="x")
    assert status(embedded, token) == 403
    embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"publicKeys": [key.entry]})
    assert status(embedded, token) == 200
    embedded.request("DELETE", f"{embedded.a}/issuer/{issuer}")
    assert status(embedded, token) == 403


def test_a_key_that_is_none_can_be_stored_but_not_used(embedded):
    agent = embedded.add_user()
    path = f"{embedded.a}/issuer/{agent.issuer}"
    assert status(embedded, agent.token()) == 200
    body = {"publicKeys": [{"keyId": agent.key.kid, "publicKey": "foo"}]}
    assert embedded.request("PATCH", path, json=body).status_code == 200
    assert status(embedded, agent.token()) == 403


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/jwks", "foo", "https://127.0.0.1:1/x", "file:///etc/passwd"])
def test_keys_at_an_address_that_is_not_allowed_are_no_keys(embedded, url):
    agent = embedded.add_user()
    path = f"{embedded.a}/issuer/{agent.issuer}"
    assert embedded.request("PATCH", path, json={"jsonKeysUrl": url}).status_code == 200
    assert status(embedded, agent.token()) == 403


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: KeyPair) -> dict[str, str]:
    public = key.private.public_key().public_numbers()
    named = {"kty": "RSA", "use": "sig", "kid": key.kid, "alg": "RS512"}
    return {**named, "n": number(public.n), "e": number(public.e)}


def test_keys_may_be_published_by_a_function_of_this_very_server(embedded, boundary):
    first, second = KeyPair(), KeyPair()
    document = json.dumps({"keys": [jwk(first), jwk(second)]})
    spec = {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {document}}});"}}}
    location = embedded.request("PUT", embedded.f(boundary, "jwks"), json=spec).json()["location"]
    issuer = f"https://keys.example/{secrets.token_hex(4)}/"
    path = f"{embedded.a}/issuer/{issuer.replace(':', '%3A').replace('/', '%2F')}"
    assert embedded.request("POST", path, json={"jsonKeysUrl": location}).json()["id"] == issuer
    user = {"identities": [{"issuerId": issuer, "subject": "x"}]}
    assert embedded.request("POST", f"{embedded.a}/user", json=user).status_code == 200
    for key in (first, second):
        assert status(embedded, embedded.token(key=key, iss=issuer, sub="x")) == 200
    mixed = KeyPair(second.kid)
    mixed.private = first.private
    assert status(embedded, embedded.token(key=mixed, iss=issuer, sub="x")) == 403
    assert status(embedded, embedded.token(key=KeyPair(), iss=issuer, sub="x")) == 403


def test_the_header_account_is_where_the_caller_comes_from(embedded):
    made = embedded.request(
        "POST",
        "/v1/account",
        json={"displayName": "Second"},
        headers={"fusebit-authorization-account-id": embedded.account},
    )
    assert made.status_code == 200
    other = made.json()["id"]
    headers = {"fusebit-authorization-account-id": embedded.account}
    assert embedded.request("GET", f"/v1/account/{other}", headers=headers).json()["displayName"] == "Second"
    assert embedded.request("GET", f"/v1/account/{other}").status_code == 403
    nobody = f"acc-{secrets.token_hex(8)}"
    missing = embedded.request("GET", f"/v1/account/{nobody}", headers=headers)
    assert (missing.status_code, missing.json()["message"]) == (404, f"The account '{nobody}' does not exist")
    assert embedded.request("GET", f"/v1/account/{nobody}").status_code == 403


def test_a_function_token_is_the_server_speaking(embedded, boundary):
    resource = "/account/{{{fusebit.accountId}}}/"
    permissions = {"allow": [{"action": "account:get", "resource": resource}]}
    spec = {
        "nodejs": {"files": {"index.js": "module.exports = async (c) => ({body: c.fusebit.functionAccessToken});"}},
        "security": {"functionPermissions": permissions},
    }
    assert embedded.request("PUT", embedded.f(boundary, "token"), json=spec).status_code == 200
    token = embedded.request("GET", embedded.run_path(boundary, "token"), token=None).json()
    assert embedded.request("GET", embedded.a, token=token).status_code == 200
    assert embedded.request("GET", f"{embedded.a}/user", token=token).status_code == 403
    me = embedded.request("GET", f"{embedded.a}/me", token=token)
    assert (me.status_code, me.json()["message"]) == (400, "Invalid agent id")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == f"uri:function:{embedded.account}:{embedded.subscription}:{boundary}:token:exec"
    forged = {**claims, "https://fusebit.io/permissions": {"allow": [{"action": "*", "resource": "/"}]}}
    kid = claims["iss"].partition(".")[0]
    assert embedded.request("GET", embedded.a, token=embedded.key.sign(forged, kid=kid)).status_code == 403


def test_a_token_of_two_hours_or_a_day_or_for_ever_is_as_good(embedded):
    now = int(time.time())
    for expires in (now + 7200, now + 86_400, now + 10 * 365 * 86_400, None):
        assert status(embedded, embedded.token(exp=expires, jwtId="x")) == 200


def test_a_token_in_the_query_opens_streams_alone_and_only_without_a_header(embedded, boundary):
    token = embedded.token()
    for path in (f"{embedded.b(boundary)}/log", f"{embedded.f(boundary, 'f')}/log", f"{embedded.b(boundary)}/event"):
        with embedded.request("GET", f"{path}?token={token}", token=None, stream=True) as answer:
            assert answer.status_code == 200
        for headers in ({"Authorization": "Basic x"}, {}):
            with embedded.request("GET", f"{path}?token=x", token=None, headers=headers) as answer:
                assert answer.status_code == 403
        with embedded.request("GET", f"{path}?token={token}", token="x") as answer:
            assert answer.status_code == 403
    assert embedded.request("GET", f"{embedded.b(boundary)}/function?token={token}", token=None).status_code == 403


def test_callers_of_functions_do_not_wait_for_each_others_keys(embedded, boundary):
    key, issuer = KeyPair(), f"crowd-{secrets.token_hex(4)}"
    document = json.dumps({"keys": [jwk(key)]})
    spec = {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {document}}});"}}}
    location = embedded.request("PUT", embedded.f(boundary, "keys"), json=spec).json()["location"]
    closed = text_function() | {"security": {"authentication": "required"}}
    embedded.request("PUT", embedded.f(boundary, "closed"), json=closed)
    embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"jsonKeysUrl": location})
    for number in range(12):
        identity = {"issuerId": issuer, "subject": str(number)}
        embedded.request("POST", f"{embedded.a}/client", json={"identities": [identity]})
    tokens = [embedded.token(key=key, iss=issuer, sub=str(number)) for number in range(12)]

    def call(token: str) -> int:
        url = f"{embedded.base_url}{embedded.run_path(boundary, 'closed')}"
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(call, tokens)) == {200}


def test_a_flat_map_of_keys_is_a_key_set_too(embedded, boundary):
    key = KeyPair()
    document = json.dumps({key.kid: key.public_pem, "other": "foo"})
    spec = {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {document}}});"}}}
    location = embedded.request("PUT", embedded.f(boundary, "map"), json=spec).json()["location"]
    issuer = f"map-{secrets.token_hex(4)}"
    embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"jsonKeysUrl": location})
    embedded.request("POST", f"{embedded.a}/user", json={"identities": [{"issuerId": issuer, "subject": "x"}]})
    assert status(embedded, embedded.token(key=key, iss=issuer, sub="x")) == 200
    assert status(embedded, embedded.token(key=KeyPair("other"), iss=issuer, sub="x")) == 403


def test_new_keys_of_a_published_set_count_at_once(embedded, boundary):
    issuer = f"rotating-{secrets.token_hex(4)}"
    embedded.request("POST", f"{embedded.a}/user", json={"identities": [{"issuerId": issuer, "subject": "x"}]})
    for turn in range(3):
        key = KeyPair()
        document = json.dumps({"keys": [jwk(key)]})
        spec = {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {document}}});"}}}
        location = embedded.request("PUT", embedded.f(boundary, "set"), json=spec).json()["location"]
        if not turn:
            embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"jsonKeysUrl": location})
        assert status(embedded, embedded.token(key=key, iss=issuer, sub="x")) == 200


def test_who_may_add_accounts_must_say_where_they_belong(embedded):
    assert embedded.request("POST", "/v1/account", json={}).status_code == 403
    headers = {"fusebit-authorization-account-id": embedded.account}
    weak = embedded.add_user(("account:*", "/"), ("global:add:subscription", "/"))
    assert embedded.request("POST", "/v1/account", json={}, headers=headers, token=weak.token()).status_code == 403
    assert embedded.request("POST", "/v1/account", json={}, headers=headers).status_code == 200
