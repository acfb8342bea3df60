"""Contract 4.7: init tokens and what they are exchanged for."""

import secrets
import time

import jwt
import pytest

from tests.embedded import EmbeddedFusebit, KeyPair

OAUTH = {"deviceAuthorizationUrl": "https://x/device", "deviceClientId": "c", "tokenUrl": "https://x/token", "z": 1}


@pytest.fixture(params=["user", "client"])
def agent(request, embedded: EmbeddedFusebit) -> str:
    """The path of a new agent."""
    path = f"{embedded.a}/{request.param}"
    return f"{path}/{embedded.request('POST', path, json={}).json()['id']}"


def invite(embedded, agent, body):
    answer = embedded.request("POST", f"{agent}/init", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.text.startswith('"')
    token = answer.json()
    return token, jwt.decode(token, options={"verify_signature": False})


def resolve(embedded, token, body, account=""):
    return embedded.request("POST", f"{account or embedded.a}/init", token=token, json=body)


def test_the_legacy_token_says_who_and_where(embedded, agent):
    agent_id = agent.rpartition("/")[2]
    ids = {"subscriptionId": embedded.subscription, "boundaryId": "b", "functionId": "f"}
    token, claims = invite(embedded, agent, ids)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert claims.items() >= {"accountId": embedded.account, "agentId": agent_id, **ids}.items()
    assert claims["iss"] == claims["aud"] == claims["baseUrl"] == embedded.base_url
    assert claims["exp"] - claims["iat"] == 8 * 3600
    assert abs(claims["iat"] - time.time()) < 10
    head, rest = claims["issuerId"].split(".", 1)
    assert (len(head), rest) == (8, f"{agent_id}.localhost")
    assert claims["subject"].startswith("cli-")


def test_the_current_token_carries_the_profile(embedded, agent):
    profile = {"id": "p", "displayName": "P", "subscription": embedded.subscription, "own": {"x": 1}}
    _token, claims = invite(embedded, agent, {"protocol": "pki", "profile": profile})
    assert claims["protocol"] == "pki"
    assert claims["profile"].items() >= {**profile, "account": embedded.account, "baseUrl": embedded.base_url}.items()
    assert {"issuerId", "subject"} < claims["profile"].keys()
    _token, claims = invite(embedded, agent, {"protocol": "oauth", "profile": {"oauth": OAUTH}})
    assert claims["profile"]["oauth"] == OAUTH
    assert not {"issuerId", "subject"} & claims["profile"].keys()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"protocol": "none"}, 'protocol: "protocol" must be one of [pki, oauth]'),
        ({"protocol": "pki"}, 'profile: "profile" is required'),
        ({"protocol": "oauth"}, 'profile: "profile" is required'),
        ({"protocol": "oauth", "profile": {}}, 'profile.oauth: "oauth" is required'),
        ({"protocol": "pki", "profile": {"oauth": {}}}, 'profile.oauth: "oauth" is not allowed'),
        ({"nope": 1}, 'protocol: "protocol" is required'),
        ({"boundaryId": "UPPER"}, 'protocol: "protocol" is required'),
    ],
)
def test_a_mistaken_invitation_is_told(embedded, agent, body, message):
    answer = embedded.request("POST", f"{agent}/init", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_inviting_nobody_is_404(embedded):
    agent_id = f"usr-{secrets.token_hex(8)}"
    answer = embedded.request("POST", f"{embedded.a}/user/{agent_id}/init", json={})
    assert (answer.status_code, answer.json()["message"]) == (404, f"The user '{agent_id}' does not exist")


def test_a_legacy_invitation_becomes_an_identity_once(embedded, agent):
    token, claims = invite(embedded, agent, {})
    key = KeyPair()
    body = {"publicKey": key.public_pem, "keyId": key.kid}
    answer = resolve(embedded, token, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["identities"] == [{"issuerId": claims["issuerId"], "subject": claims["subject"]}]
    mine = embedded.token(key=key, iss=claims["issuerId"], sub=claims["subject"])
    assert embedded.request("GET", f"{embedded.a}/me", token=mine).json() == answer.json()
    issuer = embedded.request("GET", f"{embedded.a}/issuer/{claims['issuerId']}").json()
    assert issuer["displayName"] == f"CLI for {claims['agentId']}"
    again = resolve(embedded, token, body)
    kind = "user" if claims["agentId"].startswith("usr") else "client"
    assert (again.status_code, again.json()["message"]) == (
        404,
        f"There is no outstanding initialization entry for {kind} '{claims['agentId']}'",
    )
    assert embedded.request("DELETE", agent).status_code == 204
    assert embedded.request("GET", f"{embedded.a}/issuer/{claims['issuerId']}").status_code == 404


@pytest.mark.parametrize(("prefix", "kind"), [("usr", "user"), ("clt", "client")])
def test_a_token_that_names_no_more_than_account_and_agent_is_looked_for(embedded, prefix, kind):
    key, nobody = KeyPair(), f"{prefix}-{'0' * 16}"
    token = jwt.encode({"accountId": embedded.account, "agentId": nobody}, "x" * 32, algorithm="HS256")
    answer = embedded.request(
        "POST", f"{embedded.a}/init", json={"publicKey": key.public_pem, "keyId": key.kid}, token=token
    )
    assert answer.status_code == 404
    assert answer.json()["message"] == f"There is no outstanding initialization entry for {kind} '{nobody}'"


def pki_answer(key, claims, **changes):
    profile = claims["profile"]
    signed = {"iss": profile["issuerId"], "sub": profile["subject"], "aud": "anything", **changes}
    return {"protocol": "pki", "accessToken": key.sign(signed), "publicKey": key.public_pem}


def test_a_current_invitation_wants_proof_of_the_key(embedded, agent):
    token, claims = invite(embedded, agent, {"protocol": "pki", "profile": {}})
    key, other = KeyPair(), KeyPair()
    good = pki_answer(key, claims)
    for flawed in (
        {**good, "publicKey": other.public_pem},
        {**good, "publicKey": f"{embedded.base_url}/v1/health"},
        {**good, "publicKey": "foo"},
        {**good, "publicKey": key.private_pem},
        {**good, "accessToken": "x"},
        pki_answer(key, claims, sub="somebody"),
        pki_answer(key, claims, iss="somebody"),
        pki_answer(key, claims, exp=1),
    ):
        assert resolve(embedded, token, flawed).status_code == 403
    answer = resolve(embedded, token, good)
    assert answer.status_code == 200, answer.text
    mine = embedded.token(key=key, iss=claims["profile"]["issuerId"], sub=claims["profile"]["subject"])
    assert embedded.request("GET", f"{embedded.a}/me", token=mine).status_code == 200


def test_an_oauth_invitation_links_an_identity_of_a_registered_issuer(embedded, agent):
    token, _claims = invite(embedded, agent, {"protocol": "oauth", "profile": {"oauth": OAUTH}})
    key, issuer, subject = KeyPair(), f"oauth-{secrets.token_hex(4)}", "somebody"
    access = embedded.token(key=key, iss=issuer, sub=subject)
    body = {"protocol": "oauth", "accessToken": access}
    assert resolve(embedded, token, body).status_code == 403
    embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json={"publicKeys": [key.entry]})
    wrong = {"protocol": "oauth", "accessToken": embedded.token(key=key, iss=issuer, sub=subject, aud="x")}
    assert resolve(embedded, token, wrong).status_code == 403
    answer = resolve(embedded, token, body)
    assert answer.json()["identities"] == [{"issuerId": issuer, "subject": subject}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'protocol: "protocol" is required'),
        ({"publicKey": "x"}, 'protocol: "protocol" is required'),
        ({"protocol": "none"}, 'protocol: "protocol" must be one of [pki, oauth]'),
        ({"protocol": "pki"}, 'accessToken: "accessToken" is required'),
        ({"protocol": "oauth"}, 'accessToken: "accessToken" is required'),
        ({"protocol": "pki", "accessToken": "x"}, 'publicKey: "publicKey" is required'),
        ({"protocol": "oauth", "accessToken": "x", "publicKey": "x"}, 'publicKey: "publicKey" is not allowed'),
        ({"protocol": "pki", "accessToken": "x", "publicKey": "x", "keyId": "x"}, 'keyId: "keyId" is not allowed'),
    ],
)
def test_a_mistaken_answer_is_told_before_the_token_is_looked_at(embedded, body, message):
    answer = resolve(embedded, None, body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_a_token_without_its_claims_is_refused_before_the_entry_is_missed(embedded, agent):
    agent_id = agent.rpartition("/")[2]
    body = {"publicKey": "x", "keyId": "k"}
    secret = "0" * 64
    good = {"accountId": embedded.account, "agentId": agent_id, "issuerId": "i", "subject": "s"}
    for claims in ({}, {"agentId": agent_id}, {**good, "agentId": 7}, {**good, "accountId": f"acc-{'0' * 16}"}):
        assert resolve(embedded, jwt.encode(claims, secret), body).status_code == 403
    assert resolve(embedded, "x", body).status_code == 403
    assert resolve(embedded, None, body).status_code == 403
    assert resolve(embedded, jwt.encode(good, secret), body).status_code == 404
    token, _claims = invite(embedded, agent, {})
    elsewhere = f"/v1/account/acc-{secrets.token_hex(8)}"
    assert resolve(embedded, token, body, elsewhere).status_code == 403
    assert resolve(embedded, token, body).status_code == 200


def test_one_attempt_with_the_wrong_secret_uses_the_invitation_up(embedded, agent):
    token, claims = invite(embedded, agent, {})
    body = {"publicKey": "x", "keyId": "k"}
    assert resolve(embedded, jwt.encode(claims, "0" * 64), body).status_code == 403
    assert resolve(embedded, token, body).status_code == 404


def test_a_newer_invitation_replaces_the_older(embedded, agent):
    older, _claims = invite(embedded, agent, {})
    newer, _claims = invite(embedded, agent, {})
    assert older != newer
    assert resolve(embedded, older, {"publicKey": "x", "keyId": "k"}).status_code == 403


def test_an_init_token_is_no_access_token(embedded, agent):
    token, _claims = invite(embedded, agent, {})
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == 403


def test_resolving_an_invitation_leaves_nothing_on_the_trail(embedded, agent):
    account = embedded.a.removeprefix("/v1")
    token, claims = invite(embedded, agent, {})
    assert resolve(embedded, token, {"publicKey": "x", "keyId": "k"}).status_code == 200
    query = {"resource": f"{account}/init", "count": 100}
    assert embedded.request("GET", f"{embedded.a}/audit", params=query).json()["items"] == []
    query = {"issuerId": claims["issuerId"]}
    assert embedded.request("GET", f"{embedded.a}/audit", params=query).json()["items"] == []


def test_an_answer_in_the_other_form_is_refused(embedded, agent):
    legacy, _claims = invite(embedded, agent, {})
    key = KeyPair()
    current = {"protocol": "pki", "accessToken": key.sign({"iss": "i", "sub": "s"}), "publicKey": key.public_pem}
    assert resolve(embedded, legacy, current).status_code == 403
    token, claims = invite(embedded, agent, {"protocol": "pki", "profile": {}})
    assert resolve(embedded, token, {"publicKey": key.public_pem, "keyId": "k"}).status_code == 403
    nameless = key.sign({"iss": claims["profile"]["issuerId"], "sub": claims["profile"]["subject"]}, kid=None)
    without = {"protocol": "pki", "accessToken": nameless, "publicKey": key.public_pem}
    assert resolve(embedded, token, without).status_code == 403
    assert resolve(embedded, token, pki_answer(key, claims)).status_code == 200


def test_an_issuer_id_that_is_taken_uses_the_invitation_up(embedded, agent):
    token, claims = invite(embedded, agent, {})
    path = f"{embedded.a}/issuer/{claims['issuerId']}"
    assert embedded.request("POST", path, json={"publicKeys": [{"keyId": "k", "publicKey": "foo"}]}).status_code == 200
    answer = resolve(embedded, token, {"publicKey": "x", "keyId": "k"})
    assert (answer.status_code, answer.json()["message"]) == (400, f"The issuer '{claims['issuerId']}' already exists")
    assert "identities" not in embedded.request("GET", agent).json()
    assert resolve(embedded, token, {"publicKey": "x", "keyId": "k"}).status_code == 404


def test_the_profile_names_the_server_as_the_caller_reached_it(embedded, agent):
    headers = {"Host": "api.example.com:8443", "X-Forwarded-Proto": "https, http"}
    answer = embedded.request("POST", f"{agent}/init", json={}, headers=headers)
    claims = jwt.decode(answer.json(), options={"verify_signature": False})
    assert claims["baseUrl"] == "https://api.example.com:8443"
    assert claims["issuerId"].endswith(f".{claims['agentId']}.api.example.com")
    assert embedded.request("POST", f"{agent}/init", json={}, headers={"Host": "[::"}).status_code == 200
    answer = embedded.request("POST", f"{agent}/init", json={}, headers={"Host": f"[::1]:{embedded.port}"})
    loopback = jwt.decode(answer.json(), options={"verify_signature": False})
    assert loopback["issuerId"].endswith(f".{claims['agentId']}.::1")
    assert claims["iss"] == claims["aud"] == embedded.base_url
