"""Contract 6: what a call meets on the way to a function, and what the function sees."""

import base64
import concurrent.futures
import json
import re
import time
from typing import Any

import pytest
import requests

from tests.embedded import EmbeddedFusebit, KeyPair, text_function

EVERYTHING = {"allow": [{"action": "*", "resource": "/"}]}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


# --- 6.1, 6.2: who may call ---


def test_a_full_subscription_is_429_before_anybody_looks_for_the_function():
    server = EmbeddedFusebit(limits={"concurrency": 1}).start()
    try:
        slow = {"index.js": "module.exports = (ctx, cb) => setTimeout(cb, ctx.query.ms || 0);"}
        assert server.request("PUT", server.f("b", "slow"), json={"nodejs": {"files": slow}}).status_code == 200
        missing = server.run_path("b", "missing")
        assert server.request("GET", server.run_path("b", "slow")).status_code == 200
        assert server.request("GET", missing).status_code == 404
        with concurrent.futures.ThreadPoolExecutor(1) as another:
            url = f"{server.base_url}{server.run_path('b', 'slow')}?ms=3000"
            running = another.submit(requests.get, url, timeout=30)
            answer = server.request("GET", missing)
            while answer.status_code == 404 and not running.done():
                answer = server.request("GET", missing)
            assert running.result().status_code == 200
        assert (answer.status_code, answer.json()["message"]) == (429, "Subscription has exceeded concurrency throttle")
        assert "x-fx-response-source" not in answer.headers
        assert server.request("GET", missing).status_code == 404
    finally:
        server.stop()


@pytest.mark.parametrize("header", [None, "garbage", "Basic YTpi", "Bearer a.b.c", "expired", "stranger"])
def test_where_authentication_is_optional_a_call_without_a_usable_token_runs_anonymously(place, embedded, header):
    place.put(security={"authentication": "optional"})
    tokens = {
        "expired": f"Bearer {embedded.token(exp=int(time.time()) - 5)}",
        "stranger": f"Bearer {embedded.token(key=KeyPair())}",
    }
    headers = {} if header is None else {"Authorization": tokens.get(header, header)}
    ctx = place.ctx(headers=headers)
    assert ctx["caller"] == {}
    assert "callerAccessToken" not in ctx["fusebit"]


def test_a_caller_is_seen_with_its_permissions_and_its_token(place, embedded):
    place.put(security={"authentication": "optional"})
    token = embedded.token()
    ctx = place.ctx(headers={"Authorization": f"bearer {token}"})
    assert ctx["caller"] == {"permissions": EVERYTHING}
    assert ctx["fusebit"]["callerAccessToken"] == token


def test_a_token_with_inline_permissions_is_seen_with_those_alone(place, embedded):
    place.put(security={"authentication": "required"})
    allow = {"allow": [{"action": "function:execute", "resource": place.resource}]}
    assert place.ctx(token=embedded.token(permissions=allow))["caller"] == {"permissions": allow}


def test_where_no_authentication_is_asked_for_a_token_is_not_even_looked_at(place, embedded):
    place.put()
    ctx = place.ctx(token=embedded.token())
    assert ctx["caller"] == {}
    assert "callerAccessToken" not in ctx["fusebit"]
    assert place.ctx(headers={"Authorization": "garbage"})["headers"]["authorization"] == "garbage"


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_caller_without_one_of_the_required_permissions_is_403(place, embedded, mode):
    resource = "/account/{{fusebit.accountId}}/function/{{{tag.x}}}/"
    needed = [{"action": "function:execute", "resource": resource}, {"action": "x:y", "resource": "/a/"}]
    place.put(security={"authentication": mode, "authorization": needed}, metadata={"tags": {"x": "b/c"}})
    half = embedded.add_user(("function:execute", f"/account/{embedded.account}/function/b/c/"))
    both = embedded.add_user(("function:*", f"/account/{embedded.account}/"), ("x:*", "/a"))
    refused = place.call(token=half.token())
    assert (refused.status_code, refused.json()["message"]) == (403, "Unauthorized")
    assert "x-fx-response-source" not in refused.headers
    assert place.call(token=both.token()).status_code == 200


@pytest.mark.parametrize("header", [None, "garbage", "Basic YTpi", "Bearer a.b.c", "Bearer "])
def test_where_authentication_is_required_a_call_without_a_usable_token_is_403(place, header):
    place.put(security={"authentication": "required"})
    refused = place.call(headers={} if header is None else {"Authorization": header})
    assert (refused.status_code, refused.json()["message"]) == (403, "Unauthorized")
    assert "x-fx-response-source" not in refused.headers


ROUTES = [
    {"path": "/foo/rious", "security": {"authentication": "required"}},
    {"path": "/foo"},
    {"path": "/open/", "security": {"authentication": "none"}},
    {"path": "/default", "security": {}},
    {"path": "/named", "security": {"authentication": "optional"}},
]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/foo/rious", 403),
        ("/foo/rious/x", 403),
        ("/foo/rious?a=b", 403),
        ("/foo/rious%2Fx", 200),
        ("/foo/Rious", 200),
        ("/foo/riously", 200),
        ("/fool", 200),
        ("/open/x", 200),
        ("/open/", 200),
        ("/default", 200),
    ],
)
def test_the_first_route_that_prefixes_the_raw_path_decides_who_may_call(place, path, status):
    place.put(routes=ROUTES)
    assert place.call(path).status_code == status


@pytest.mark.parametrize(("path", "status"), [("/open", 403), ("/open/x", 200), ("/foo", 403), ("/default/x", 200)])
def test_the_security_of_a_route_replaces_that_of_the_function(place, path, status):
    place.put(routes=ROUTES, security={"authentication": "required"})
    assert place.call(path).status_code == status


# --- 6.3: what the function sees ---


def test_ctx_says_where_the_function_is_and_how_it_was_called(place, embedded):
    place.put(configuration={"A": "b"})
    ctx = place.ctx("/x%20y/z?a=1&b[c]=2&d=3&d=4", headers={"X-Mine": "yes"})
    assert {name: ctx[name] for name in ("accountId", "subscriptionId", "boundaryId", "functionId")} == {
        "accountId": embedded.account,
        "subscriptionId": embedded.subscription,
        "boundaryId": place.boundary,
        "functionId": "f",
    }
    assert ctx["baseUrl"] == f"{embedded.base_url}{place.url}"
    assert ctx["path"].startswith("/x%20y/z?a=1&")
    assert ctx["url"] == f"{place.url.removeprefix('/v1')}{ctx['path']}"
    assert ctx["query"] == {"a": "1", "b": {"c": "2"}, "d": ["3", "4"]}
    assert (ctx["method"], ctx["body"]) == ("GET", {})
    assert ctx["headers"]["x-mine"] == "yes"
    assert ctx["configuration"] == {"A": "b", "env": "b"}
    assert ctx["fusebit"] == {"endpoint": embedded.base_url}
    for absent in ("storage", "log", "state"):
        assert absent not in ctx


@pytest.mark.parametrize(
    ("path", "seen"), [("", "/"), ("/", "/"), ("?n=1", "?n=1"), ("/?n=1", "/?n=1"), ("/a/", "/a/")]
)
def test_the_path_is_what_follows_the_name_of_the_function(place, embedded, path, seen):
    place.put()
    head, _, body = embedded.raw(
        f"GET {place.url}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    ).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["path"] == seen


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_function_by_its_name(place, method):
    place.put("module.exports = async (ctx) => ({headers: {'x-method': ctx.method}, body: 'x'});")
    answer = place.call("/a", method)
    assert (answer.status_code, answer.headers["x-method"]) == (200, method)
    assert answer.content == (b"" if method == "HEAD" else b'"x"')


@pytest.mark.parametrize(
    ("content_type", "body", "seen"),
    [
        ("application/json", '{"a":[1]}', {"a": [1]}),
        ("application/json; charset=utf-8", "[1]", [1]),
        ("application/x-www-form-urlencoded", "a=1&b[c]=2&d[]=3", {"a": "1", "b": {"c": "2"}, "d": ["3"]}),
        ("text/plain", "hello", {}),
        ("application/vnd.x+json", '{"a":1}', {}),
        ("multipart/form-data; boundary=x", "--x--", {}),
    ],
)
def test_json_and_form_bodies_are_parsed_and_others_are_empty(place, content_type, body, seen):
    place.put()
    for method in ("POST", "PUT", "PATCH"):
        assert place.ctx("", method, data=body, headers={"content-type": content_type})["body"] == seen
    assert place.ctx("", "DELETE", data=body, headers={"content-type": content_type})["body"] == {}


def test_a_body_over_500_kb_is_413_and_one_that_is_no_json_400(place):
    place.put()
    refused = place.call("", "POST", json={"a": "x" * 513_000})
    assert (refused.status_code, refused.json()["message"]) == (413, "request entity too large")
    broken = place.call("", "POST", data="{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["statusCode"]) == (400, 400)
    assert "x-fx-response-source" not in broken.headers


def test_the_trace_of_a_caller_is_continued_and_shown_to_the_function(place):
    place.put()
    trace = "ab" * 16
    answer = place.call(headers={"fusebit-trace-id": f"{trace}.{'0' * 16}"})
    shown = answer.headers["fusebit-trace-id"]
    assert re.fullmatch(rf"{trace}\.[0-9a-f]{{16}}", shown)
    assert not shown.endswith("0" * 16)
    assert answer.json()["headers"]["fusebit-trace-id"] == shown
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{16}", place.call().headers["fusebit-trace-id"])


# --- 6.4: the function's own token ---


def test_the_functions_own_token_says_what_it_may_do_and_works_for_that_alone(place, embedded):
    resource = "/account/{{fusebit.accountId}}/subscription/{{fusebit.subscriptionId}}/"
    allow = [{"action": "storage:get", "resource": resource}]
    permissions = {"functionPermissions": {"allow": allow}}
    route = {"path": "/other", "security": {"functionPermissions": {"allow": [{"action": "x:y", "resource": "/"}]}}}
    place.put(security=permissions, routes=[route])
    for path in ("", "/other"):
        token = place.ctx(path)["fusebit"]["functionAccessToken"]
        claims = claims_of(token)
        rendered = f"/account/{embedded.account}/subscription/{embedded.subscription}/"
        assert claims["https://fusebit.io/permissions"] == {"allow": [{"action": "storage:get", "resource": rendered}]}
    ids = f"{embedded.account}:{embedded.subscription}:{place.boundary}:f"
    assert claims["sub"] == f"uri:function:{ids}:exec"
    assert re.fullmatch(r"[0-9a-f]{16}\.system\.fusebit\.io", claims["iss"])
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (embedded.base_url, 15 * 60)
    assert claims["https://fusebit.io/profile"] == {
        "accountId": embedded.account,
        "subscriptionId": embedded.subscription,
        "email": "function+role@fusebit.io",
    }
    assert embedded.request("GET", f"{embedded.s}/storage", token=token).status_code == 200
    assert embedded.request("PUT", f"{embedded.s}/storage/x", json={"data": 1}, token=token).status_code == 403
    assert embedded.request("GET", f"{embedded.a}/me", token=token).json()["message"] == "Invalid agent id"


def test_a_function_without_permissions_has_no_token(place):
    place.put()
    assert place.ctx()["fusebit"].keys() == {"endpoint"}


def test_nobody_may_give_a_function_more_than_they_have(place, embedded):
    agent = embedded.add_user(("function:*", f"{place.resource}/"))
    allow = [{"action": "function:get", "resource": place.resource}, {"action": "user:add", "resource": "/account/x/"}]
    security = {"functionPermissions": {"allow": allow}}
    for members in ({"security": security}, {"routes": [{"path": "/a", "security": security}]}):
        refused = embedded.request("PUT", place.path, json={**text_function(), **members}, token=agent.token())
        assert refused.status_code == 400
        assert refused.json()["message"] == (
            "Requested function permissions cannot exceed caller's permissions: "
            f"The user '{agent.id}' is not authorized to perform action 'user:add' on resource '/account/x/'"
        )
    assert embedded.request("GET", place.path).status_code == 404


def test_globals_survive_between_calls_of_a_version_and_not_across_versions(place):
    code = "let n = 0; module.exports = async (ctx) => ({body: ++n + ''});"
    place.put(code)
    assert [place.call().json() for _ in range(3)] == ["1", "2", "3"]
    place.put(f"{code}//")
    assert place.call().json() == "1"


def test_a_function_reaches_storage_through_its_endpoint_with_its_own_token(place, embedded):
    resource = f"/account/{embedded.account}/subscription/{embedded.subscription}/storage/{place.boundary}/"
    allow = [{"action": "storage:*", "resource": resource}]
    code = """module.exports = async (ctx) => {
      const {endpoint, functionAccessToken} = ctx.fusebit;
      const storage = `${endpoint}/v1/account/${ctx.accountId}/subscription/${ctx.subscriptionId}/storage`;
      const url = `${storage}/${ctx.boundaryId}/x`;
      const headers = {authorization: `Bearer ${functionAccessToken}`, 'content-type': 'application/json'};
      const put = await fetch(url, {method: 'PUT', headers, body: JSON.stringify({data: ctx.query.n})});
      const got = await (await fetch(url, {headers})).json();
      return {body: [put.status, got.data]};
    };"""
    place.put(code, security={"functionPermissions": {"allow": allow}})
    assert place.ctx("?n=7") == [200, "7"]
