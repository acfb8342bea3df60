"""Fusebit's "Backend Integration" guide, statement by statement, over real HTTP."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.embedded import EmbeddedFusebit, Signer

pytestmark = [pytest.mark.processes]
HELLO = "module.exports = async (ctx) => ({ body: { method: ctx.method, hello: ctx.body.name || 'world' } });"


@dataclass
class Backend:
    """A vendor's backend that went through the guide: its client, and one of its users with a boundary."""

    fusebit: EmbeddedFusebit
    client_id: str
    client: Signer
    user_id: str
    user: Signer
    boundary_id: str

    @property
    def boundary(self) -> str:
        return self.fusebit.boundary(self.boundary_id)

    def as_client(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request with a token of the client."""
        return self.fusebit.request(method, path, token=self.client.token(self.fusebit.base_url), **options)

    def as_user(self, method: str, path: str, permissions: Any = None, **options: Any) -> requests.Response:
        """A request with a token of the user, narrowed to `permissions` if given."""
        token = self.user.token(self.fusebit.base_url, permissions=permissions)
        return self.fusebit.request(method, path, token=token, **options)

    def deploy(self, name: str, code: str = HELLO, **specification: Any) -> str:
        """Deploy a function as the user and return its discovered location."""
        path = f"{self.boundary}/function/{name}"
        answer = self.as_user("PUT", path, json={"nodejs": {"files": {"index.js": code}}, **specification})
        assert answer.status_code in {200, 204}, answer.text  # 204: as it was already (contract 5.4)
        location = self.as_user("GET", f"{path}/location").json()["location"]
        assert isinstance(location, str)
        return location

    def token(self, *allowed: tuple[str, str]) -> str:
        """A token of the user that may do exactly what is listed."""
        allow = [{"action": action, "resource": resource} for action, resource in allowed]
        return self.user.token(self.fusebit.base_url, permissions={"allow": allow})


def add_issuer(fusebit: EmbeddedFusebit, signer: Signer) -> None:
    body = {"displayName": "Backend", "publicKeys": [{"keyId": signer.kid, "publicKey": signer.public_pem}]}
    assert fusebit.request("POST", f"{fusebit.account}/issuer/{signer.issuer}", json=body).status_code == 200


@pytest.fixture(scope="module")
def backend(embedded: EmbeddedFusebit) -> Backend:
    """Setting up a client, then creating a user with the client's own key."""
    unique = uuid.uuid4().hex[:8]
    client = Signer.generate(f"backend-{unique}", "backend")
    user = Signer(client.issuer, f"google-oauth2|{unique}", client.kid, client.key)
    add_issuer(embedded, client)
    identity = {"issuerId": client.issuer, "subject": client.subject}
    access = [
        {"action": "user:*", "resource": f"{embedded.account}/"},
        {"action": "function:*", "resource": f"{embedded.subscription}/"},
    ]
    body = {"displayName": "backend", "identities": [identity], "access": {"allow": access}}
    client_id = embedded.request("POST", f"{embedded.account}/client", json=body).json()["id"]
    boundary_id = f"tenant-{unique}"
    wanted = {
        "firstName": "Ada",
        "primaryEmail": "ada@example.com",
        "identities": [{"issuerId": client.issuer, "subject": user.subject}],
        "access": {"allow": [{"action": "function:*", "resource": f"{embedded.boundary(boundary_id)}/"}]},
    }
    token = client.token(embedded.base_url)
    made = embedded.request("POST", f"{embedded.account}/user", token=token, json=wanted)
    assert made.status_code == 200, made.text
    return Backend(embedded, client_id, client, made.json()["id"], user, boundary_id)


def test_the_client_has_user_rights_on_the_account_and_function_rights_on_the_subscription(backend: Backend) -> None:
    me = backend.as_client("GET", f"{backend.fusebit.account}/me").json()

    assert me["id"] == backend.client_id
    assert {(entry["action"], entry["resource"]) for entry in me["access"]["allow"]} == {
        ("user:*", f"{backend.fusebit.account}/"),
        ("function:*", f"{backend.fusebit.subscription}/"),
    }


def test_the_client_can_do_nothing_else(backend: Backend) -> None:
    assert backend.as_client("GET", f"{backend.fusebit.account}/issuer").status_code == 403
    assert backend.as_client("GET", f"{backend.fusebit.account}/client").status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"exp": 1},
        {"iss": "somebody-else"},
        {"sub": "nobody"},
        {"sub": None},
        {"nbf": 4_000_000_000},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(backend: Backend, claims: dict[str, Any]) -> None:
    token = backend.client.token(backend.fusebit.base_url, **claims)

    answer = backend.fusebit.request("GET", f"{backend.fusebit.account}/user", token=token)

    assert (answer.status_code, answer.json()["message"]) == (403, "Unauthorized")


def test_a_token_needs_the_kid_of_a_registered_key(backend: Backend) -> None:
    other = Signer(backend.client.issuer, "backend", "other-kid", backend.client.key)
    forged = Signer(backend.client.issuer, "backend", backend.client.kid, Signer.generate("x", "x").key)

    for signer in (other, forged):
        token = signer.token(backend.fusebit.base_url)
        assert backend.fusebit.request("GET", f"{backend.fusebit.account}/user", token=token).status_code == 403


def test_a_user_is_created_with_identity_and_boundary_access_in_one_call(backend: Backend) -> None:
    query = {"issuerId": backend.user.issuer, "subject": backend.user.subject, "include": "all"}

    items = backend.as_client("GET", f"{backend.fusebit.account}/user", params=query).json()["items"]

    assert [item["id"] for item in items] == [backend.user_id]
    assert items[0]["identities"] == [{"issuerId": backend.user.issuer, "subject": backend.user.subject}]
    assert items[0]["access"]["allow"] == [{"action": "function:*", "resource": f"{backend.boundary}/"}]


def test_an_identity_belongs_to_one_user_only(backend: Backend) -> None:
    body = {"identities": [{"issuerId": backend.user.issuer, "subject": backend.user.subject}]}

    answer = backend.as_client("POST", f"{backend.fusebit.account}/user", json=body)

    assert answer.status_code == 400
    assert "is already associated with a user or client" in answer.json()["message"]


def test_a_client_cannot_grant_more_than_it_has(backend: Backend) -> None:
    body = {"access": {"allow": [{"action": "issuer:add", "resource": f"{backend.fusebit.account}/"}]}}

    answer = backend.as_client("POST", f"{backend.fusebit.account}/user", json=body)

    assert answer.status_code == 400
    assert f"The client '{backend.client_id}' is not authorized to grant access" in answer.json()["message"]


def test_the_user_manages_functions_in_the_own_boundary(backend: Backend) -> None:
    backend.deploy("managed")
    path = f"{backend.boundary}/function/managed"

    names = [item["functionId"] for item in backend.as_user("GET", f"{backend.boundary}/function").json()["items"]]

    assert "managed" in names
    assert backend.as_user("GET", path).json()["nodejs"]["files"]["index.js"] == HELLO
    assert backend.as_user("DELETE", path).status_code == 204
    assert backend.as_user("GET", path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_user_gets_403_in_any_other_boundary(backend: Backend, method: str) -> None:
    for name in ("another", f"{backend.boundary_id}x", backend.boundary_id[:-1]):
        path = f"{backend.fusebit.boundary(name)}/function/f"
        assert backend.as_user(method, path, json={"nodejs": {"files": {"index.js": HELLO}}}).status_code == 403


def test_the_user_cannot_manage_users(backend: Backend) -> None:
    assert backend.as_user("GET", f"{backend.fusebit.account}/user").status_code == 403


def test_the_location_is_discovered_and_stable_across_updates(backend: Backend) -> None:
    first = backend.deploy("stable")
    second = backend.deploy("stable", HELLO.replace("world", "moon"))

    assert first == second
    assert backend.fusebit.request("GET", second, token=None).json()["hello"] == "moon"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_a_function_answers_all_six_methods(backend: Backend, method: str) -> None:
    location = backend.deploy("six")

    answer = backend.fusebit.request(method, location, token=None)

    assert answer.status_code == 200
    assert answer.headers["x-fx-response-source"] == "function"
    assert answer.content == b"" if method == "HEAD" else answer.json()["method"] == method


def test_a_json_body_reaches_the_function(backend: Backend) -> None:
    location = backend.deploy("body")

    assert backend.fusebit.request("POST", location, token=None, json={"name": "Ada"}).json()["hello"] == "Ada"


def test_a_function_is_unauthenticated_by_default_through_the_raw_api(backend: Backend) -> None:
    location = backend.deploy("open")

    assert backend.as_user("GET", f"{backend.boundary}/function/open").json()["security"] == {"authentication": "none"}
    assert backend.fusebit.request("GET", location, token=None).status_code == 200


def test_names_in_braces_stand_for_the_function_s_own_address(backend: Backend) -> None:
    path = "/account/{{accountId}}/subscription/{{subscriptionId}}/boundary/{{boundaryId}}/function/{{functionId}}/"
    needed = {"action": "function:execute", "resource": path}
    location = backend.deploy("braces", security={"authentication": "required", "authorization": [needed]})

    mine = backend.token(("function:execute", f"{backend.boundary}/function/braces/"))
    other = backend.token(("function:execute", f"{backend.boundary}/function/other/"))

    assert backend.fusebit.request("GET", location, token=mine).status_code == 200
    assert backend.fusebit.request("GET", location, token=other).status_code == 403


@pytest.fixture(scope="module")
def secured(backend: Backend) -> Callable[..., requests.Response]:
    """A function that asks for function:execute on itself, called with or without a token."""
    needed = {"action": "function:execute", "resource": f"{backend.boundary}/function/secured/"}
    location = backend.deploy("secured", security={"authentication": "required", "authorization": [needed]})
    return lambda token: backend.fusebit.request("GET", location, token=token)


def test_a_secured_function_refuses_a_call_without_a_token(secured: Callable[..., requests.Response]) -> None:
    answer = secured(None)

    assert (answer.status_code, answer.json()["message"]) == (403, "Unauthorized")


def test_a_secured_function_refuses_a_token_with_too_few_permissions(
    backend: Backend, secured: Callable[..., requests.Response]
) -> None:
    assert secured(backend.token(("function:get", f"{backend.boundary}/function/secured/"))).status_code == 403
    assert secured(backend.token(("function:execute", f"{backend.boundary}/function/other/"))).status_code == 403
    assert secured(backend.token()).status_code == 403


def test_a_secured_function_answers_a_token_that_may_execute_it(
    backend: Backend, secured: Callable[..., requests.Response]
) -> None:
    assert secured(backend.token(("function:execute", f"{backend.boundary}/function/secured/"))).status_code == 200
    assert secured(backend.user.token(backend.fusebit.base_url)).status_code == 200


def test_a_token_with_inline_permissions_reaches_that_one_function_only(backend: Backend) -> None:
    backend.deploy("one")
    backend.deploy("two")
    token = backend.token(("function:get", f"{backend.boundary}/function/one/"))

    def read(name: str) -> int:
        return backend.fusebit.request("GET", f"{backend.boundary}/function/{name}", token=token).status_code

    assert (read("one"), read("two")) == (200, 403)
    assert backend.fusebit.request("GET", f"{backend.boundary}/function", token=token).status_code == 403
    assert backend.as_user("GET", f"{backend.boundary}/function/two").status_code == 200


def test_inline_permissions_broader_than_the_agents_are_refused(backend: Backend) -> None:
    mine = ("function:get", f"{backend.boundary}/")
    for broader in (("function:get", f"{backend.fusebit.subscription}/"), ("*", f"{backend.boundary}/"), ("*", "/")):
        token = backend.token(mine, broader)
        answer = backend.fusebit.request("GET", f"{backend.boundary}/function", token=token)
        assert (answer.status_code, answer.json()["message"]) == (403, "Unauthorized")


def test_a_removed_user_is_refused_at_once(backend: Backend) -> None:
    subject = f"google-oauth2|{uuid.uuid4().hex}"
    body = {
        "identities": [{"issuerId": backend.user.issuer, "subject": subject}],
        "access": {"allow": [{"action": "function:get", "resource": f"{backend.boundary}/"}]},
    }
    user_id = backend.as_client("POST", f"{backend.fusebit.account}/user", json=body).json()["id"]
    token = backend.user.token(backend.fusebit.base_url, subject=subject)

    def listed() -> int:
        return backend.fusebit.request("GET", f"{backend.boundary}/function", token=token).status_code

    before = listed()
    removed = backend.as_client("DELETE", f"{backend.fusebit.account}/user/{user_id}").status_code

    assert (before, removed, listed()) == (200, 204, 403)
