"""Contract 4.2 to 4.4 and 7.4, 7.5: accounts, subscriptions, issuers, registry, statistics."""

import json
import secrets
from urllib.parse import quote

import pytest

from tests.embedded import EmbeddedFusebit, text_function

KEY = {"keyId": "k", "publicKey": "foo"}


def test_an_account_is_shown_and_renamed(embedded: EmbeddedFusebit):
    shown = embedded.request("GET", embedded.a).json()
    assert shown == {"id": embedded.account, "displayName": "Tests", "primaryEmail": "ada@example.com"}
    assert embedded.request("PATCH", embedded.a, json={}).json() == shown
    assert embedded.request("PATCH", embedded.a, json={"displayName": "Tests"}).json() == shown
    for body in ({"id": embedded.account}, {"primaryEmail": "x"}, {"displayName": ""}):
        assert embedded.request("PATCH", embedded.a, json=body).status_code == 400


def test_a_new_account_has_the_global_scopes(embedded):
    headers = {"fusebit-authorization-account-id": embedded.account}
    body = {"displayName": "New", "primaryEmail": "a@b.c"}
    made = embedded.request("POST", "/v1/account", json=body, headers=headers)
    assert made.status_code == 200
    assert list(made.json()) == ["displayName", "primaryEmail", "id"]
    path = f"/v1/account/{made.json()['id']}/registry/default/"
    registry = embedded.request("GET", path, headers=headers).json()
    assert registry["url"] == f"{embedded.base_url}{path}npm/"
    assert any(scope.startswith("@fuse") for scope in registry["scopes"])
    refused = embedded.request("POST", "/v1/account", json={"x": 1}, headers=headers)
    assert (refused.status_code, refused.json()["message"]) == (400, 'x: "x" is not allowed')
    assert embedded.request("POST", "/v1/account", json=body).status_code == 403


def test_subscriptions_are_added_and_listed(embedded):
    made = embedded.request("POST", f"{embedded.a}/subscription", json={"displayName": "Second"}).json()
    assert list(made) == ["displayName", "id"]
    listed = embedded.request("GET", f"{embedded.a}/subscription").json()["items"]
    assert {"id": made["id"], "displayName": "Second", "limits": {}, "flags": {}} in listed
    path = f"{embedded.a}/subscription/{made['id']}"
    assert embedded.request("GET", path).json() == {
        "id": made["id"],
        "displayName": "Second",
        "limits": {},
        "flags": {},
    }
    cached = embedded.request("GET", f"{path}?include=cache").json()
    assert cached["accountId"] == embedded.account
    missing = f"sub-{secrets.token_hex(8)}"
    answer = embedded.request("GET", f"{embedded.a}/subscription/{missing}")
    assert (answer.status_code, answer.json()["message"]) == (404, f"The subscription '{missing}' does not exist")
    assert embedded.request("GET", f"{path}?nope=1", token=None).status_code == 400


@pytest.fixture
def path(embedded) -> str:
    """The path of an issuer that is an URL."""
    issuer = f"https://issuer.example/{secrets.token_hex(4)}/"
    return f"{embedded.a}/issuer/{quote(issuer, safe='')}"


def issuer_id(path: str) -> str:
    return path.rpartition("/")[2].replace("%3A", ":").replace("%2F", "/")


def test_an_issuer_has_one_source_of_keys(embedded, path):
    body = {"displayName": "I", "publicKeys": [KEY]}
    made = embedded.request("POST", path, json=body)
    assert (made.status_code, made.json()) == (200, {**body, "id": issuer_id(path)})
    assert list(made.json()) == ["displayName", "publicKeys", "id"]
    assert embedded.request("GET", path).json() == made.json()
    assert list(embedded.request("GET", path).json()) == ["id", "displayName", "publicKeys"]
    changed = embedded.request("PATCH", path, json={"jsonKeysUrl": "foo"}).json()
    assert changed == {"displayName": "I", "jsonKeysUrl": "foo", "id": issuer_id(path)}
    changed = embedded.request("PATCH", path, json={"publicKeys": [KEY], "id": issuer_id(path)}).json()
    assert changed == made.json()
    assert embedded.request("PATCH", path, json={}).json() == made.json()


def test_what_an_issuer_can_not_be_is_told(embedded, path):
    name = issuer_id(path)

    def refused(method, body):
        answer = embedded.request(method, path, json=body)
        assert answer.status_code == 400
        return answer.json()["message"]

    both = {"publicKeys": [KEY], "jsonKeysUrl": "x"}
    neither = f"The issuer '{name}' must have at least one public key or a json keys URL"
    assert refused("POST", both) == f"The issuer '{name}' can not have both public keys and a json keys URL"
    assert refused("POST", {}) == neither
    assert refused("POST", {"publicKeys": [KEY, KEY]}) == (
        f"The issuer '{name}' has more than one public key with the public key id 'k'"
    )
    assert refused("POST", {"id": "x", "publicKeys": [KEY]}) == 'id: "id" is not allowed'
    assert refused("POST", {"publicKeys": []}) == 'publicKeys: "publicKeys" must contain at least 1 items'
    four = [{"keyId": str(number), "publicKey": "x"} for number in range(4)]
    assert refused("POST", {"publicKeys": four}) == (
        'publicKeys: "publicKeys" must contain less than or equal to 3 items'
    )
    assert refused("POST", {"publicKeys": [{"keyId": "x"}]}) == 'publicKeys.0.publicKey: "publicKey" is required'
    embedded.request("POST", path, json={"publicKeys": [KEY]})
    assert refused("POST", {"publicKeys": [KEY]}) == f"The issuer '{name}' already exists"
    assert refused("PATCH", {"id": "other"}) == (
        f"The issuerId in the body 'other' does not match the issuerId in the URL '{name}'"
    )


def test_a_missing_issuer_is_404(embedded, path):
    for method in ("GET", "PATCH", "DELETE"):
        answer = embedded.request(method, path, json={} if method == "PATCH" else None)
        expected = f"The issuer '{issuer_id(path)}' is not associated with the account"
        assert (answer.status_code, answer.json()["message"]) == (404, expected)


def test_the_systems_own_names_can_not_be_taken(embedded):
    answer = embedded.request("POST", f"{embedded.a}/issuer/x.system.fusebit.io", json={"publicKeys": [KEY]})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        (
            'issuerId: "issuerId" with value "x.system.fusebit.io" fails to match the required pattern: '
            "/^((?!system.fusebit.io$).)*$/"
        ),
    )


def test_issuers_are_listed_by_id_and_found_by_part_of_their_name(embedded):
    tail = secrets.token_hex(4)
    for number in range(5):
        body = {"displayName": f"N{tail}{number}", "publicKeys": [KEY]}
        embedded.request("POST", f"{embedded.a}/issuer/{tail}-{4 - number}", json=body)
    first = embedded.request("GET", f"{embedded.a}/issuer?name={tail}&count=3").json()
    assert [item["id"] for item in first["items"]] == [f"{tail}-{number}" for number in range(3)]
    rest = embedded.request("GET", f"{embedded.a}/issuer?name={tail}&next={first['next']}").json()
    assert [item["displayName"] for item in rest["items"]] == [f"N{tail}1", f"N{tail}0"]
    assert "next" not in rest
    assert embedded.request("GET", f"{embedded.a}/issuer?name=n{tail}").json() == {"items": []}
    assert embedded.request("DELETE", f"{embedded.a}/issuer/{tail}-0").status_code == 204


def test_the_registry_keeps_scopes_that_are_the_accounts_own(embedded):
    path = f"{embedded.a}/registry/default"
    assert embedded.request("PUT", path, json={"scopes": ["@mine", "@fuse"]}).content == b""
    scopes = embedded.request("GET", path).json()["scopes"]
    assert scopes[0] == "@mine"
    assert scopes.count("@fuse") == 1
    refused = embedded.request("PUT", path, json={"scopes": ["@fuse-evil"]})
    assert refused.json()["message"] == "Scopes starting with '@fuse' are not allowed"
    assert embedded.request("PUT", path, json={"scopes": ["UPPER"]}).status_code == 400
    other = embedded.request("GET", f"{embedded.a}/registry/other").json()
    assert other["message"] == 'registryId: "registryId" must be one of [default]'


def test_statistics_are_not_offered(embedded, boundary):
    for level in (embedded.a, embedded.s, embedded.b(boundary), embedded.f(boundary, "f")):
        path = f"{level}/statistics/itemizedbulk"
        answer = embedded.request("GET", path)
        assert (answer.status_code, answer.json()["message"]) == (405, "Unsupported query: itemizedbulk")
        assert embedded.request("GET", path, token=None).status_code == 403


def test_defaults_of_the_deployment_lie_under_the_subscriptions_own(embedded):
    defaults = {"limits": {"concurrency": 7, "nested": {"a": 1}}, "extra": {"deep": {"x": [1]}}, "displayName": "no"}
    file = embedded.directory / "platform" / "subscription-defaults.json"
    file.write_text(json.dumps(defaults))
    try:
        cached = embedded.request("GET", f"{embedded.s}?include=cache").json()
        plain = embedded.request("GET", embedded.s).json()
        file.write_text("nonsense")
        assert embedded.request("GET", f"{embedded.s}?include=cache").status_code == 200
    finally:
        file.unlink()
    assert list(cached) == ["id", "accountId", "displayName", "limits", "flags", "extra"]
    assert cached["limits"] == defaults["limits"]
    assert (cached["extra"], cached["displayName"]) == (defaults["extra"], "Tests")
    assert plain == {"id": embedded.subscription, "displayName": "Tests", "limits": {}, "flags": {}}
    assert plain.items() <= {**cached, "limits": {}}.items()


def test_defaults_of_the_deployment_hold_for_calls_from_the_next_refresh_on(embedded, boundary):
    path, run_path = embedded.f(boundary, "f"), embedded.run_path(boundary, "f")
    fixed = {**text_function(), "compute": {"staticIp": True}}
    assert embedded.request("PUT", path, json=text_function()).status_code == 200
    assert embedded.request("GET", run_path).status_code == 200
    file = embedded.directory / "platform" / "subscription-defaults.json"
    file.write_text(json.dumps({"limits": {"concurrency": 0}, "flags": {"staticIp": "true"}}))
    try:
        assert embedded.request("GET", "/v1/refresh", token=None).status_code == 200
        assert embedded.request("GET", run_path).status_code == 429
        assert embedded.request("PUT", path, json=fixed).status_code in {200, 201}
    finally:
        file.unlink()
    assert embedded.request("GET", "/v1/refresh", token=None).status_code == 200
    assert embedded.request("GET", run_path).status_code == 200
    assert embedded.request("PUT", path, json=fixed | {"metadata": {"a": 1}}).status_code == 400


def test_npm_may_ask_but_finds_nothing(embedded):
    npm = f"{embedded.a}/registry/default/npm"
    assert embedded.request("GET", f"{npm}/-/ping").json() == {}
    assert embedded.request("GET", f"{npm}/-/whoami").json() == {"username": embedded.user}
    assert embedded.request("GET", f"{npm}/-/version").json() == {"version": "1.41.1"}
    assert embedded.request("GET", f"{npm}/-/v1/search?text=x").json() == {"objects": [], "total": 0}
    assert embedded.request("PUT", f"{npm}/-/user/org.couchdb.user:x", json={}).status_code == 201
    for name in ("thing", "@mine/thing", "@mine%2fthing"):
        assert embedded.request("GET", f"{npm}/{name}").status_code == 404
    for method, path in (
        ("GET", "-/package/x/dist-tags"),
        ("PUT", "thing"),
        ("POST", "-/npm/v1/security/audits"),
        ("GET", "-/api/v1/packages"),
        ("DELETE", "thing/-rev/1"),
    ):
        answer = embedded.request(method, f"{npm}/{path}", json={} if method != "GET" else None)
        assert (answer.status_code, answer.json()["message"]) == (501, "Not Implemented")
    assert embedded.request("GET", f"{npm}/-/ping", token=None).status_code == 403
    assert embedded.request("GET", npm).status_code == 501


@pytest.mark.parametrize("issuer", ["x.system.fusebit.io", "system.fusebit.io", "https://a/system.fusebit.io"])
def test_issuers_of_the_server_itself_can_not_be_registered(embedded, issuer):
    path = f"{embedded.a}/issuer/{quote(issuer, safe='')}"
    answer = embedded.request("POST", path, json={"publicKeys": [KEY]})
    expected = f'"issuerId" with value "{issuer}" fails to match the required pattern: '
    assert answer.json()["message"] == f"issuerId: {expected}/^((?!system.fusebit.io$).)*$/"


def test_an_empty_list_of_keys_and_four_keys_are_refused(embedded, path):
    answer = embedded.request("POST", path, json={"publicKeys": []})
    assert answer.json()["message"] == 'publicKeys: "publicKeys" must contain at least 1 items'
    keys = [{"keyId": f"k{number}", "publicKey": "foo"} for number in range(4)]
    answer = embedded.request("POST", path, json={"publicKeys": keys})
    assert answer.json()["message"] == 'publicKeys: "publicKeys" must contain less than or equal to 3 items'


@pytest.mark.parametrize("collection", ["issuer", "user", "client", "subscription", "audit"])
def test_counts_beyond_a_hundred_count_as_a_hundred(embedded, collection):
    assert embedded.request("GET", f"{embedded.a}/{collection}?count=101").status_code == 200
    assert embedded.request("GET", f"{embedded.a}/{collection}?count=0").status_code == 200
    answer = embedded.request("GET", f"{embedded.a}/{collection}?count=-5")
    assert answer.json()["message"] == "The limit value '-5' is invalid; must be a positive number"
    answer = embedded.request("GET", f"{embedded.a}/{collection}?next=x%7Cx")
    assert answer.json()["message"] == "The next token 'x|x' is invalid"


def test_a_hundred_and_one_clients_are_two_pages_of_a_hundred(embedded):
    tail = secrets.token_hex(5)
    for number in range(101):
        embedded.request("POST", f"{embedded.a}/client", json={"displayName": f"{tail}-{number}"})
    first = embedded.request("GET", f"{embedded.a}/client?name={tail}&count=500").json()
    second = embedded.request("GET", f"{embedded.a}/client?name={tail}&count=500&next={first['next']}").json()
    assert (len(first["items"]), len(second["items"]), "next" in second) == (100, 1, False)
    assert len(embedded.request("GET", f"{embedded.a}/client?name={tail}").json()["items"]) == 25


def test_an_account_that_is_not_there_is_forbidden(embedded):
    assert embedded.request("GET", f"/v1/account/acc-{'0' * 16}/user").status_code == 403


def test_a_resource_of_access_is_any_text(embedded):
    for resource in ("/account/abc/", "/account/xyz", "nowhere"):
        body = {"access": {"allow": [{"action": "*", "resource": resource}]}}
        assert embedded.request("POST", f"{embedded.a}/user", json=body).status_code == 200
