"""Contract 3: actions, resources, inline permissions, grants; against a reference model that knows nothing of ours."""

import os
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusebit_platform.authorization import Statement, permits
from tests.embedded import EmbeddedFusebit, text_function

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "1000"))

# -- the reference model: no imports, everything enumerated ------------------------------------------------------------


def reference_action(granted: str, requested: str) -> bool:
    """Allowed are the action itself and, for a grant with a star, everything that begins with what precedes it."""
    have, want = granted.split(":"), requested.split(":")
    if have == want:
        return True
    if "*" not in have:
        return False
    before = have[: have.index("*")]
    return len(want) > len(before) and want[: len(before)] == before


def reference_resource(granted: str, requested: str) -> bool:
    """Allowed is everything below the granted path."""

    def closed(path: str) -> str:
        return ("" if path[:1] == "/" else "/") + path + ("" if path[-1:] == "/" else "/")

    return closed(requested)[: len(closed(granted))] == closed(granted)


words = st.sampled_from(["function", "user", "get", "put", "*", "a", "p*", "", "Function"])
actions = st.lists(words, min_size=1, max_size=4).map(":".join)
names = st.sampled_from(["account", "a", "ab", "A", "..", "%2F", "*", "b-1", ""])
paths = st.tuples(st.sampled_from(["", "/"]), st.lists(names, max_size=5), st.sampled_from(["", "/"])).map(
    lambda parts: f"{parts[0]}{'/'.join(parts[1])}{parts[2]}"
)
statements = st.lists(st.tuples(actions, paths), max_size=4)


@settings(max_examples=EXAMPLES, deadline=None)
@given(statements, actions, paths)
def test_authorization_equals_the_reference_model(granted, action, resource):
    expected = any(reference_action(a, action) and reference_resource(r, resource) for a, r in granted)
    assert permits([Statement(a, r) for a, r in granted], action, resource) == expected


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_text_at_all_is_decided_as_the_model_does(have, resource, want, path):
    expected = reference_action(have, want) and reference_resource(resource, path)
    assert permits([Statement(have, resource)], want, path) == expected


@pytest.mark.parametrize(
    ("granted", "requested", "allowed"),
    [
        ("*", "function:put", True),
        ("*:x", "anything:at:all", True),
        ("function:*", "function:put", True),
        ("function:*", "function:put:x", True),
        ("function:*", "*", False),
        ("function:*", "function", False),
        ("function", "function:put", False),
        ("function:put", "function", False),
        ("function:p*", "function:put", False),
        ("registry:*", "registry-config:put", False),
        ("global:*", "global:add:account", True),
        ("Function:*", "function:get", False),
    ],
)
def test_actions_match_as_the_contract_lists_them(granted, requested, allowed):
    assert permits([Statement(granted, "/")], requested, "/x") is allowed


@pytest.mark.parametrize(
    ("granted", "requested", "allowed"),
    [
        ("/", "/anything", True),
        ("/a/b", "/a/b", True),
        ("a/b", "/a/b/", True),
        ("/a/b/", "/a/b/c", True),
        ("/a/b", "/a/bb/", False),
        ("/a/b", "/A/b/", False),
        ("/a/b/c", "/a/b", False),
        ("", "/a", False),
    ],
)
def test_resources_match_by_prefix_of_whole_segments(granted, requested, allowed):
    assert permits([Statement("*", granted)], "x", requested) is allowed


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def test_a_user_reaches_exactly_what_was_granted(embedded: EmbeddedFusebit, boundary):
    resource = embedded.b(boundary).removeprefix("/v1")
    ada = embedded.add_user(("function:*", resource))
    own, foreign = embedded.f(boundary, "f"), embedded.f(f"{boundary}x", "f")
    assert embedded.request("PUT", own, json=text_function(), token=ada.token()).status_code == 200
    assert embedded.request("GET", own, token=ada.token()).status_code == 200
    for method in ("PUT", "GET", "DELETE"):
        assert embedded.request(method, foreign, json=text_function(), token=ada.token()).status_code == 403
    assert embedded.request("GET", f"{embedded.s}/function", token=ada.token()).status_code == 403
    assert embedded.request("GET", f"{embedded.a}/user", token=ada.token()).status_code == 403


def test_access_of_an_issuer_is_decided_on_the_encoded_path(embedded):
    issuer = f"https%3A%2F%2Fx.example%2F{secrets.token_hex(4)}"
    resource = f"{embedded.a.removeprefix('/v1')}/issuer/{issuer}"
    ada = embedded.add_user(("issuer:*", resource))
    body = {"publicKeys": [{"keyId": "k", "publicKey": "foo"}]}
    path = f"{embedded.a}/issuer/{issuer}"
    assert embedded.request("POST", path, json=body, token=ada.token()).status_code == 200
    assert embedded.request("POST", f"{path}x", json=body, token=ada.token()).status_code == 403
    assert embedded.request("DELETE", path, token=ada.token()).status_code == 204


def test_me_needs_no_permission_but_a_valid_token(embedded):
    cy = embedded.add_user()
    assert embedded.request("GET", f"{embedded.a}/me", token=cy.token()).json()["id"] == cy.id
    assert embedded.request("GET", f"{embedded.a}/user/{cy.id}", token=cy.token()).status_code == 403


@pytest.mark.parametrize(
    ("claim", "me"),
    [
        ({}, 200),
        ({"allow": []}, 200),
        ({"allow": None}, 200),
        ([], 200),
        ("all", 200),
        ({"allow": "*"}, 403),
        ({"allow": {"length": 1, "0": {"action": "*", "resource": "/"}}}, 403),
        ({"allow": [{}]}, 403),
        ({"allow": [{"action": "", "resource": "/"}]}, 403),
        ({"allow": [{"action": "*"}]}, 403),
        ({"allow": [{"action": ["*"], "resource": "/"}]}, 403),
        ({"allow": ["*"]}, 403),
        ({"allow": [None]}, 403),
    ],
)
def test_a_claim_without_usable_entries_allows_nothing(embedded, claim, me):
    token = embedded.token(permissions=claim)
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == me
    assert embedded.request("GET", embedded.a, token=token).status_code == 403


def test_inline_permissions_replace_the_access(embedded, boundary):
    narrow = {"allow": [{"action": "function:get", "resource": embedded.b(boundary).removeprefix("/v1")}]}
    token = embedded.token(permissions=narrow)
    assert embedded.request("GET", f"{embedded.b(boundary)}/function", token=token).status_code == 200
    assert embedded.request("GET", embedded.a, token=token).status_code == 403
    whole = embedded.request("GET", f"{embedded.a}/me", token=token).json()["access"]
    assert whole == {"allow": [{"action": "*", "resource": "/"}]}


def test_inline_permissions_beyond_the_access_reject_the_token(embedded, boundary):
    resource = embedded.b(boundary).removeprefix("/v1")
    ada = embedded.add_user(("function:get", resource))
    allowed = {"action": "function:get", "resource": f"{resource}/function/f"}
    for excess in ({"action": "function:put", "resource": resource}, {"action": "function:get", "resource": "/"}):
        token = ada.token(**{"https://fusebit.io/permissions": {"allow": [allowed, excess]}})
        assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == 403
    token = ada.token(**{"https://fusebit.io/permissions": {"allow": [allowed]}})
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == 200


@pytest.mark.parametrize("kind", ["user", "client"])
def test_one_may_only_grant_what_one_holds(embedded, kind):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user((f"{kind}:*", account), ("a:b", "/x"), kind=kind)
    path = f"{embedded.a}/{kind}"
    fine = {"access": {"allow": [{"action": "a:b", "resource": "/x/y"}]}}
    made = embedded.request("POST", path, json=fine, token=ada.token())
    assert made.status_code == 200
    excess = {"access": {"allow": [{"action": "a:b", "resource": "/x"}, {"action": "*", "resource": "xx"}]}}
    for method, target in (
        ("POST", path),
        ("PATCH", f"{path}/{made.json()['id']}"),
        ("PATCH", f"{path}/{'usr' if kind == 'user' else 'clt'}-{'0' * 16}"),
    ):
        answer = embedded.request(method, target, json=excess, token=ada.token())
        assert answer.status_code == 400
        assert answer.json()["message"] == (
            f"The {kind} '{ada.id}' is not authorized to grant access to perform the action '*' on resource 'xx'"
        )
    kept = embedded.request("GET", f"{path}/{made.json()['id']}").json()["access"]["allow"]
    assert kept == [{"action": "a:b", "resource": "/x/y/"}]


def test_a_token_may_grant_only_what_it_was_narrowed_to(embedded):
    account = embedded.a.removeprefix("/v1")
    token = embedded.token(permissions={"allow": [{"action": "user:add", "resource": account}]})
    body = {"access": {"allow": [{"action": "user:get", "resource": account}]}}
    assert embedded.request("POST", f"{embedded.a}/user", json=body, token=token).status_code == 400


def test_a_function_is_given_no_more_than_its_author_has(embedded, boundary):
    resource = embedded.b(boundary).removeprefix("/v1")
    ada = embedded.add_user(("function:*", resource))
    path = embedded.f(boundary, "f")

    def put(security):
        return embedded.request("PUT", path, json={**text_function(), **security}, token=ada.token())

    template = (
        "/account/{{{fusebit.accountId}}}/subscription/{{{fusebit.subscriptionId}}}/boundary/{{fusebit.boundaryId}}/"
    )
    own = {"functionPermissions": {"allow": [{"action": "function:get", "resource": template}]}}
    excess = {"functionPermissions": {"allow": [{"action": "user:get", "resource": "/"}]}}
    assert put({"security": own}).status_code == 200
    expected = (
        f"Requested function permissions cannot exceed caller's permissions: The user '{ada.id}' is not authorized to "
        "perform action 'user:get' on resource '/'"
    )
    assert put({"security": excess}).json()["message"] == expected
    assert put({"routes": [{"path": "/x", "security": excess}]}).json()["message"] == expected


@pytest.mark.parametrize(
    "path",
    [
        "mine/../other/function",
        "mine/function/../../other/function",
        "mine/./function",
        "mine//function",
        "MINE/function",
    ],
)
def test_pe_04_a_path_that_is_not_canonical_never_leads_elsewhere(embedded, boundary, path):
    ada = embedded.add_user(("function:*", f"{embedded.b(boundary).removeprefix('/v1')}/"))
    for way in (path, path.replace("..", "%2e%2e"), path.replace("../", "..%2f")):
        target = f"{embedded.s}/boundary/{way.replace('mine', boundary).replace('MINE', boundary.upper())}"
        request = (
            f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada.token()}\r\nConnection: close\r\n\r\n"
        )
        assert embedded.raw(request.encode()).split()[1] in {b"400", b"403", b"404"}, target


def test_in_10_a_parameter_that_is_sent_twice_is_refused(embedded):
    for path in (f"{embedded.a}/user", f"{embedded.s}/function", f"{embedded.a}/issuer"):
        assert embedded.request("GET", f"{path}?include=all&include=cache").status_code == 400
