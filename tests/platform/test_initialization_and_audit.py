"""Contract 4.7 and 4.8: init tokens, and the trail of decisions."""

import secrets
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import jwt
import pytest

from tests.embedded import EmbeddedFusebit, KeyPair, text_function

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


# -- audit -------------------------------------------------------------------------------------------------------------


def trail(embedded, agent, **query):
    query = {"issuerId": agent.issuer, "count": 100, **query}
    answer = embedded.request("GET", f"{embedded.a}/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_every_decision_is_on_the_trail_at_once(embedded, boundary):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("account:get", account))
    assert trail(embedded, ada) == []
    embedded.request("GET", embedded.a, token=ada.token())
    embedded.request("GET", f"{embedded.a}/user", token=ada.token())
    embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    embedded.request("GET", f"{embedded.a}/me", token=ada.token(exp=1))
    found = trail(embedded, ada)
    assert [(row["action"], row["resource"], row["authorized"]) for row in found] == [
        ("account:get", f"{account}/", True),
        ("user:get", f"{account}/user/", False),
        ("user:get", f"{account}/user/{ada.id}/", True),
    ]
    assert set(found[0]) == {"accountId", "resource", "issuerId", "subject", "action", "authorized", "timestamp"}
    assert found == sorted(found, key=lambda row: row["timestamp"])
    assert found[0]["subject"] == ada.subject


def test_inline_permissions_are_on_the_trail_each_time(embedded):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("account:*", account))
    claim = {"allow": [{"action": "account:get", "resource": account}]}
    token = ada.token(**{"https://fusebit.io/permissions": claim})
    for _time in range(2):
        embedded.request("GET", embedded.a, token=token)
    excess = {"allow": [{"action": "account:get", "resource": account}, {"action": "x:y", "resource": "/"}]}
    embedded.request("GET", embedded.a, token=ada.token(**{"https://fusebit.io/permissions": excess}))
    decisions = [(row["action"], row["authorized"]) for row in trail(embedded, ada)]
    assert decisions == [("account:get", True)] * 5 + [("x:y", False)]


def test_the_trail_is_narrowed_by_every_filter(embedded):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("*", account))
    for path in ("", "/user", "/client", "/user/usr-0123456789abcdef"):
        embedded.request("GET", f"{embedded.a}{path}", token=ada.token())

    def found(**query):
        return [row["action"] for row in trail(embedded, ada, **query)]

    assert found(action="user:*") == ["user:get", "user:get"]
    assert found(action="user:get") == ["user:get", "user:get"]
    assert found(resource=f"{account}/user") == ["user:get", "user:get"]
    assert found(resource=f"{account}/user/usr") == ["user:get"]
    assert found(subject=ada.subject[:-1]) == []
    assert len(found(subject=ada.subject)) == 4
    page = embedded.request("GET", f"{embedded.a}/audit", params={"issuerId": ada.issuer, "count": 3}).json()
    rest = trail(embedded, ada, next=page["next"])
    assert (len(page["items"]), len(rest)) == (3, 1)


def test_the_trail_is_narrowed_by_time(embedded):
    ada = embedded.add_user()
    embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    now = datetime.now(UTC)
    later, earlier = now + timedelta(minutes=1), now - timedelta(minutes=1)
    for since in (
        earlier.isoformat(),
        format_datetime(earlier, usegmt=False),
        str(int(earlier.timestamp() * 1000)),
        "-1m",
    ):
        assert len(trail(embedded, ada, **{"from": since})) == 1, since
    assert trail(embedded, ada, **{"from": later.isoformat()}) == []
    assert trail(embedded, ada, to=earlier.isoformat()) == []
    rfc1123 = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert len(trail(embedded, ada, to=rfc1123)) == 1
    moment = "2022-04-05T10:00:00.000Z"
    assert trail(embedded, ada, **{"from": moment, "to": moment}) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "from=nope",
            (
                "The 'from' filter date/time 'nope' is invalid. Specify an absolute date/time, or a relative time such "
                "as '-15m', '-2h', or '-6d'"
            ),
        ),
        (
            "from=2022-04-05T10:00:00Z&to=2022-04-05T09:00:00Z",
            (
                "The 'to' filter date/time '2022-04-05T09:00:00.000Z' must be later in time than the 'from' filter "
                "date/time of '2022-04-05T10:00:00.000Z'"
            ),
        ),
        ("action=client", "The 'action' filter 'client' is invalid"),
        ("action=*:*", "The 'action' filter '*:*' is invalid"),
        ("action=a:b:c:d", "The 'action' filter 'a:b:c:d' is invalid"),
        ("subject=x", "The 'subject' filter 'x' can not be specified without the 'issuerId' filter"),
        ("count=-1", "The limit value '-1' is invalid; must be a positive number"),
        ("next=x", "The next token 'x' is invalid"),
    ],
)
def test_a_mistaken_filter_is_told(embedded, query, message):
    answer = embedded.request("GET", f"{embedded.a}/audit?{query}")
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_the_moment_of_a_row_is_within_bounds_read_off_it(embedded):
    ada = embedded.add_user()
    for _time in range(3):
        embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    rows = trail(embedded, ada)
    for row in rows:
        assert row in trail(embedded, ada, **{"from": row["timestamp"], "to": row["timestamp"]})
    assert trail(embedded, ada, to=rows[-1]["timestamp"]) == rows
    epoch = str(int(datetime.fromisoformat(rows[-1]["timestamp"]).timestamp() * 1000))
    assert trail(embedded, ada, to=epoch) == rows


def test_the_trail_of_an_account_that_is_not_there_is_not_found(embedded):
    missing = f"acc-{secrets.token_hex(8)}"
    headers = {"fusebit-authorization-account-id": embedded.account}
    for path in ("", "/audit", "/user", "/client", "/issuer", "/subscription", "/registry/default"):
        answer = embedded.request("GET", f"/v1/account/{missing}{path}", headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (404, f"The account '{missing}' does not exist")


def test_an_end_before_the_default_beginning_is_refused(embedded):
    assert embedded.request("GET", f"{embedded.a}/audit?to=-1h").status_code == 400


def test_every_run_that_needs_a_right_is_on_the_trail(embedded, boundary):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("function:*", account))
    resource = f"{embedded.f(boundary, 'f').removeprefix('/v1')}/"
    needed = [{"action": "function:execute", "resource": resource}, {"action": "function:get", "resource": resource}]
    security = {"authentication": "required", "authorization": needed}
    assert embedded.request("PUT", embedded.f(boundary, "f"), json={**text_function(), "security": security}).ok
    for _time in range(3):
        assert embedded.request("GET", embedded.run_path(boundary, "f"), token=ada.token()).status_code == 200
    assert [row["action"] for row in trail(embedded, ada)] == ["function:execute", "function:get"] * 3
    claim = {"allow": [{"action": "function:execute", "resource": resource}]}
    narrow = ada.token(**{"https://fusebit.io/permissions": claim})
    assert embedded.request("GET", embedded.run_path(boundary, "f"), token=narrow).status_code == 403
    latest = trail(embedded, ada)[6:]
    assert [(row["action"], row["authorized"]) for row in latest] == [
        ("function:execute", True),
        ("function:execute", True),
        ("function:get", False),
    ]


def test_the_trail_belongs_to_the_account_that_signed_the_caller_in(embedded):
    headers = {"fusebit-authorization-account-id": embedded.account}
    other = embedded.request("POST", "/v1/account", json={"displayName": "x"}, headers=headers).json()["id"]
    embedded.request("GET", f"/v1/account/{other}", headers=headers)
    query = {"resource": f"/account/{other}", "count": 100}
    rows = embedded.request("GET", f"{embedded.a}/audit", params=query).json()["items"]
    assert [(row["action"], row["accountId"]) for row in rows] == [("account:get", embedded.account)]


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
