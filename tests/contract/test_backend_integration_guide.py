"""Fusebit's "Backend Integration" guide, statement by statement, over real HTTP against a running platform.

The chapters of the guide are the sections of this file: a backend gets a client of its own, mints tokens, gives each of
its tenants a user with one boundary, and lets them manage and run functions there.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import requests

from tests.embedded import ROOT, EmbeddedFusebit, KeyPair

PERMISSIONS = "https://fusebit.io/permissions"
HELLO = {"nodejs": {"files": {"index.js": "module.exports = async (ctx) => ({body: {hello: 'world'}});"}}}
ECHO = {
    "nodejs": {
        "files": {
            "index.js": (
                "module.exports = async (ctx) => ({body: {method: ctx.method, body: ctx.body, query: ctx.query, "
                "path: ctx.path, permissions: ctx.caller.permissions}});"
            )
        }
    }
}

pytestmark = pytest.mark.processes


@dataclass
class Backend:
    """A vendor's backend: all it has is the profile that the command line exported."""

    profile: dict[str, Any]

    @property
    def base_url(self) -> str:
        return str(self.profile["baseUrl"])

    @property
    def account(self) -> str:
        return f"{self.base_url}/v1/account/{self.profile['account']}"

    @property
    def subscription(self) -> str:
        return f"{self.account}/subscription/{self.profile['subscription']}"

    def resource(self, boundary: str, function: str = "") -> str:
        path = f"/account/{self.profile['account']}/subscription/{self.profile['subscription']}/boundary/{boundary}/"
        return f"{path}function/{function}/" if function else path

    def token(self, **claims: Any) -> str:
        """Sign a token as the guide's sample does: nothing but the options given."""
        pki = self.profile["pki"]
        content = {"aud": self.base_url, "iss": pki["issuer"], "sub": pki["subject"], "exp": time.time() + 86_400}
        headers = {"kid": pki["kid"], "jwtId": secrets.token_hex(16)}
        return jwt.encode({**content, **claims}, pki["privateKey"], algorithm=pki["algorithm"], headers=headers)


@dataclass
class Tenant:
    """A tenant's user: an identity of the vendor's own issuer, and one boundary."""

    backend: Backend
    key: KeyPair
    issuer: str
    subject: str
    boundary: str
    id: str = ""

    def token(self, **claims: Any) -> str:
        content = {"aud": self.backend.base_url, "iss": self.issuer, "sub": self.subject, "exp": int(time.time()) + 600}
        return self.key.sign({**content, **claims})

    def function(self, name: str, boundary: str = "") -> str:
        return f"{self.backend.subscription}/boundary/{boundary or self.boundary}/function/{name}"


def send(method: str, url: str, token: str | None = None, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, url, headers=headers, timeout=30, allow_redirects=False, **options)


@pytest.fixture(scope="module")
def platform() -> Iterator[EmbeddedFusebit]:
    """A platform with its own administrator, as a first start makes it."""
    server = EmbeddedFusebit()
    server.start_unseeded()
    yield server
    server.stop()


def command(platform: EmbeddedFusebit, *arguments: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    finished = subprocess.run(
        [sys.executable, "-m", "fusebit_platform", *arguments, "--data-dir", str(platform.directory / "platform")],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


# -- Setting up a Client ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backend(platform: EmbeddedFusebit) -> Backend:
    """The guide's five steps."""
    client = command(platform, "client", "add", "backend")
    command(platform, "client", "access", "add", client["id"], "user:*")
    command(platform, "client", "access", "add", client["id"], "function:*")
    command(platform, "client", "init", client["id"])
    return Backend(command(platform, "profile", "get", "backend", "--includeCredentials", "-o", "json"))


def test_the_client_may_do_users_on_the_account_and_functions_on_the_subscription(backend: Backend) -> None:
    me = send("GET", f"{backend.account}/me", backend.token()).json()
    account = f"/account/{backend.profile['account']}/"
    subscription = f"{account}subscription/{backend.profile['subscription']}/"
    assert {(row["action"], row["resource"]) for row in me["access"]["allow"]} == {
        ("user:*", account),
        ("function:*", subscription),
    }


def test_the_exported_profile_has_what_a_backend_needs(backend: Backend) -> None:
    assert set(backend.profile) == {"id", "displayName", "baseUrl", "account", "subscription", "type", "pki"}
    assert set(backend.profile["pki"]) == {
        "issuer",
        "subject",
        "kid",
        "type",
        "algorithm",
        "audience",
        "privateKey",
        "publicKey",
    }
    assert backend.profile["pki"]["audience"] == backend.base_url


# -- Tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_signed_with_the_guides_options_is_accepted(backend: Backend) -> None:
    assert send("GET", f"{backend.account}/me", backend.token()).status_code == 200


@pytest.mark.parametrize(
    "flaw",
    [
        {"aud": "https://elsewhere.example.com"},
        {"iss": "somebody-else"},
        {"sub": "somebody-else"},
        {"exp": 1},
    ],
    ids=lambda flaw: next(iter(flaw)),
)
def test_a_token_with_one_wrong_option_is_refused(backend: Backend, flaw: dict[str, Any]) -> None:
    assert send("GET", f"{backend.account}/me", backend.token(**flaw)).status_code == 403


# -- A user per tenant -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer(platform: EmbeddedFusebit, backend: Backend) -> KeyPair:
    """The vendor's own issuer, registered by the account's administrator."""
    key = KeyPair()
    admin = json.loads((platform.directory / "platform" / "admin.json").read_text())
    token = Backend({**admin, "baseUrl": backend.base_url}).token()
    answer = send("POST", f"{backend.account}/issuer/vendor", token, json={"publicKeys": [key.entry]})
    assert answer.status_code == 200, answer.text
    return key


def make_tenant(backend: Backend, key: KeyPair) -> Tenant:
    tenant = Tenant(backend, key, "vendor", f"google-oauth2|{secrets.randbelow(10**18)}", f"b-{secrets.token_hex(4)}")
    body = {
        "firstName": "Ada",
        "identities": [{"issuerId": tenant.issuer, "subject": tenant.subject}],
        "access": {"allow": [{"action": "function:*", "resource": backend.resource(tenant.boundary)}]},
    }
    answer = send("POST", f"{backend.account}/user", backend.token(), json=body)
    assert answer.status_code == 200, answer.text
    tenant.id = answer.json()["id"]
    return tenant


@pytest.fixture(scope="module")
def ada(backend: Backend, issuer: KeyPair) -> Tenant:
    return make_tenant(backend, issuer)


@pytest.fixture(scope="module")
def ben(backend: Backend, issuer: KeyPair) -> Tenant:
    return make_tenant(backend, issuer)


def test_one_call_creates_a_user_with_identity_and_access_to_one_boundary(backend: Backend, ada: Tenant) -> None:
    user = send("GET", f"{backend.account}/user/{ada.id}", backend.token()).json()
    assert user["identities"] == [{"issuerId": "vendor", "subject": ada.subject}]
    assert user["access"]["allow"] == [{"action": "function:*", "resource": backend.resource(ada.boundary)}]


def test_the_guides_own_spelling_of_an_identity_is_understood(backend: Backend, issuer: KeyPair) -> None:
    subject = secrets.token_hex(8)
    body = {"identities": [{"iss": "vendor", "sub": subject}]}
    user = send("POST", f"{backend.account}/user", backend.token(), json=body).json()
    assert user["identities"] == [{"issuerId": "vendor", "subject": subject}]


def test_a_user_is_found_again_by_identity(backend: Backend, ada: Tenant) -> None:
    query = {"issuerId": ada.issuer, "subject": ada.subject}
    found = send("GET", f"{backend.account}/user", backend.token(), params=query).json()
    assert [user["id"] for user in found["items"]] == [ada.id]


def test_a_client_can_not_grant_more_than_it_has(backend: Backend) -> None:
    body = {"access": {"allow": [{"action": "issuer:*", "resource": f"/account/{backend.profile['account']}/"}]}}
    answer = send("POST", f"{backend.account}/user", backend.token(), json=body)
    assert answer.status_code == 400
    assert "is not authorized to grant access" in answer.json()["message"]


# -- Managing functions ----------------------------------------------------------------------------------------------


@pytest.fixture
def hello(ada: Tenant) -> str:
    """A fresh function of Ada's."""
    name = f"hello-{secrets.token_hex(3)}"
    assert send("PUT", ada.function(name), ada.token(), json=HELLO).status_code == 200
    return name


def test_the_tenants_token_manages_functions_in_its_boundary(ada: Tenant, hello: str) -> None:
    assert send("GET", ada.function(hello), ada.token()).json()["nodejs"] == HELLO["nodejs"]
    listed = send("GET", ada.function(hello).rpartition("/")[0], ada.token()).json()["items"]
    assert hello in [item["functionId"] for item in listed]
    assert send("DELETE", ada.function(hello), ada.token()).status_code == 204
    assert send("GET", ada.function(hello), ada.token()).status_code == 404


def test_any_other_boundary_is_refused(ada: Tenant, ben: Tenant, hello: str) -> None:
    for method, body in (("GET", None), ("PUT", HELLO), ("DELETE", None)):
        answer = send(method, ben.function(hello, ada.boundary), ben.token(), json=body)
        assert answer.status_code == 403
    listed = send("GET", ben.function("x", ada.boundary).rpartition("/")[0], ben.token())
    assert listed.status_code == 403
    assert send("PUT", ada.function("x", f"{ada.boundary}x"), ada.token(), json=HELLO).status_code == 403


def test_the_location_is_discovered_and_survives_updates(ada: Tenant, hello: str) -> None:
    url = f"{ada.function(hello)}/location"
    before = send("GET", url, ada.token()).json()["location"]
    assert send("PUT", ada.function(hello), ada.token(), json=ECHO).json()["location"] == before
    assert send("GET", url, ada.token()).json()["location"] == before


# -- Running functions -----------------------------------------------------------------------------------------------


def location(tenant: Tenant, name: str) -> str:
    return str(send("GET", f"{tenant.function(name)}/location", tenant.token()).json()["location"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_a_function_answers_every_method(ada: Tenant, hello: str, method: str) -> None:
    send("PUT", ada.function(hello), ada.token(), json=ECHO)
    body = {"n": 1} if method in {"POST", "PUT", "PATCH"} else None
    answer = send(method, f"{location(ada, hello)}/some/path?q=1", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-fx-response-source"] == "function"
    if method != "HEAD":
        seen = answer.json()
        assert (seen["method"], seen["body"], seen["query"]) == (method, body or {}, {"q": "1"})


def test_without_security_anybody_may_call(ada: Tenant, hello: str) -> None:
    assert send("GET", location(ada, hello)).json() == {"hello": "world"}


@pytest.fixture
def secured(ada: Tenant, hello: str) -> str:
    """A function that only callers with `function:execute` on it may run."""
    resource = ada.backend.resource(ada.boundary, hello)
    required = [{"action": "function:execute", "resource": resource}]
    security = {"authentication": "required", "authorization": required}
    answer = send("PUT", ada.function(hello), ada.token(), json={**ECHO, "security": security})
    assert answer.status_code == 200, answer.text
    return hello


def test_a_secured_function_wants_a_token(ada: Tenant, secured: str) -> None:
    refused = send("GET", location(ada, secured))
    assert refused.status_code == 403
    assert "x-fx-response-source" not in refused.headers


def test_a_secured_function_wants_the_permission(ada: Tenant, ben: Tenant, secured: str) -> None:
    url = location(ada, secured)
    reading = {"allow": [{"action": "function:get", "resource": ada.backend.resource(ada.boundary)}]}
    assert send("GET", url, ben.token()).status_code == 403
    assert send("GET", url, ada.token(**{PERMISSIONS: reading})).status_code == 403
    answer = send("GET", url, ada.token())
    assert answer.status_code == 200
    assert answer.json()["permissions"]["allow"] == [
        {"action": "function:*", "resource": ada.backend.resource(ada.boundary)}
    ]


# -- Inline permissions ----------------------------------------------------------------------------------------------


def test_inline_permissions_reach_one_function_only(ada: Tenant, secured: str) -> None:
    other = f"other-{secrets.token_hex(3)}"
    resource = ada.backend.resource(ada.boundary, secured)
    everywhere = {"authentication": "required"}
    required = {"action": "function:execute", "resource": ada.backend.resource(ada.boundary, other)}
    security = {**everywhere, "authorization": [required]}
    send("PUT", ada.function(other), ada.token(), json={**HELLO, "security": security})
    narrow = ada.token(**{PERMISSIONS: {"allow": [{"action": "function:execute", "resource": resource}]}})
    assert send("GET", location(ada, secured), narrow).status_code == 200
    assert send("GET", location(ada, other), narrow).status_code == 403
    assert send("GET", location(ada, other), ada.token()).status_code == 200
    assert send("GET", ada.function(secured), narrow).status_code == 403


def test_broader_inline_permissions_are_refused_whole(ada: Tenant, ben: Tenant, secured: str) -> None:
    own = {"action": "function:execute", "resource": ada.backend.resource(ada.boundary, secured)}
    foreign = {"action": "function:get", "resource": ada.backend.resource(ben.boundary)}
    for claim in ({"allow": [own, foreign]}, {"allow": [{"action": "*", "resource": "/"}]}):
        token = ada.token(**{PERMISSIONS: claim})
        assert send("GET", location(ada, secured), token).status_code == 403
        assert send("GET", f"{ada.backend.account}/me", token).status_code == 403


def test_what_is_taken_away_is_gone_with_the_next_request(backend: Backend, issuer: KeyPair) -> None:
    cy = make_tenant(backend, issuer)
    token = cy.token()
    boundary = cy.function("x").rpartition("/")[0]
    assert send("GET", boundary, token).status_code == 200
    user = f"{backend.account}/user/{cy.id}"
    assert send("PATCH", user, backend.token(), json={"access": {"allow": []}}).status_code == 200
    assert send("GET", boundary, token).status_code == 403
    assert send("DELETE", user, backend.token()).status_code == 204
    assert send("GET", f"{backend.account}/me", token).status_code == 403
