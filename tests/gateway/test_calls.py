"""A call over real HTTP: what the function sees and what the caller gets (contract 6.1 to 6.5)."""

import concurrent.futures
import gzip
import re
import time
from urllib.parse import unquote

import pytest

from tests.gateway import web
from tests.gateway.conftest import Platform

SLOW = "module.exports = async (ctx) => { await new Promise((r) => setTimeout(r, MS)); return { body: BODY }; };"
ECHO = "module.exports = async (ctx) => ({ body: ctx });"


def test_a_function_answers_with_json_and_the_platforms_headers(platform: Platform) -> None:
    answer = web.get(platform.put("b/hello", "module.exports = async (ctx) => ({ body: { hello: 1 } });"))
    assert answer.status_code == 200
    assert answer.json() == {"hello": 1}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-fx-response-source"] == "function"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{16}", answer.headers["fusebit-trace-id"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_verb_reaches_the_function(platform: Platform, method: str) -> None:
    url = platform.put("b/verb", "module.exports = async (ctx) => ({ body: ctx.method });")
    assert web.request(method, url).json() == method


def test_head_is_answered_without_a_body(platform: Platform) -> None:
    answer = web.head(platform.put("b/head", ECHO))
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 2


def test_ctx_has_the_members_of_the_contract(platform: Platform) -> None:
    url = platform.put("b/echo", ECHO, configuration={"KEY": "value", "NODE_OPTIONS": "--inspect"})
    headers = {"X-Custom": "1", "fusebit-trace-id": "ab" * 16 + ".0123456789abcdef"}
    ctx = web.post(url + "/a%2Fb/c?x=1&y[z]=2&list[]=a&list[]=b&x=3", json={"n": 1}, headers=headers).json()
    assert unquote(ctx["path"]) == "/a/b/c?x=1&y[z]=2&list[]=a&list[]=b&x=3"
    assert ctx["path"].startswith("/a%2Fb/c?")
    assert ctx["url"].startswith("/run/sub-0123456789abcdef/b/echo/a%2Fb/c?")
    assert ctx["query"] == {"x": ["1", "3"], "y": {"z": "2"}, "list": ["a", "b"]}
    assert ctx["body"] == {"n": 1}
    assert ctx["headers"]["x-custom"] == "1"
    assert ctx["headers"]["fusebit-trace-id"].startswith("ab" * 16 + ".")
    assert ctx["caller"] == {}
    assert ctx["boundaryId"] == "b"
    assert ctx["functionId"] == "echo"
    assert ctx["baseUrl"].endswith("/v1/run/sub-0123456789abcdef/b/echo")
    assert ctx["fusebit"] == {"endpoint": f"http://localhost:{platform.port}"}
    assert ctx["configuration"]["KEY"] == "value"


@pytest.mark.parametrize(("suffix", "path"), [("", "/"), ("/", "/"), ("?n=1", "?n=1"), ("/x?n=1", "/x?n=1")])
def test_the_path_is_the_raw_remainder(platform: Platform, suffix: str, path: str) -> None:
    request = f"GET {platform.url('b/rest')}{suffix} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    platform.put("b/rest", "module.exports = async (ctx) => ({ body: ctx.path });")
    request = request.replace(f"http://127.0.0.1:{platform.port}", "")
    assert platform.raw(request.encode()).endswith(f'"{path}"'.encode())


def test_a_number_of_any_length_may_be_a_name_in_the_query(platform: Platform) -> None:
    url = platform.put("b/names", "module.exports = async (ctx) => ({ body: ctx.query });")
    digits = "7" * 5000  # more than Python turns into a number
    assert web.get(f"{url}?a[{digits}]=1&b[1]=x&b[0]=y").json() == {"a": {digits: "1"}, "b": ["y", "x"]}


@pytest.mark.parametrize(
    ("content_type", "body", "seen"),
    [
        ("application/json", b'{"a": [1, {"__proto__": 2}]}', {"a": [1, {"__proto__": 2}]}),
        ("application/json", b"", {}),
        ("application/x-www-form-urlencoded", b"a=1&b%5Bc%5D=x+y", {"a": "1", "b": {"c": "x y"}}),
        ("text/plain", b"hello", {}),
        ("application/vnd.x+json", b'{"a":1}', {}),
    ],
)
def test_a_body_is_read_by_its_type(platform: Platform, content_type: str, body: bytes, seen: object) -> None:
    url = platform.put("b/body", "module.exports = async (ctx) => ({ body: ctx.body });")
    assert web.post(url, data=body, headers={"content-type": content_type}).json() == seen


def test_a_compressed_body_is_inflated_within_the_limit(platform: Platform) -> None:
    url = platform.put("b/gzip", "module.exports = async (ctx) => ({ body: ctx.body });")
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert web.post(url, data=gzip.compress(b'{"a":1}'), headers=headers).json() == {"a": 1}
    bomb = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    assert web.post(url, data=bomb, headers=headers).status_code == 413


@pytest.mark.parametrize("body", [b"{", b'"x"', b"1", b"[NaN]", b"[" * 100_000, b'{"a":1}x', b'["\x01"]'])
def test_a_body_that_is_not_json_is_400(platform: Platform, body: bytes) -> None:
    url = platform.put("b/bad", ECHO)
    answer = web.post(url, data=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["status"] == answer.json()["statusCode"] == 400
    assert "x-fx-response-source" not in answer.headers


def test_a_body_over_500_kb_is_413_and_one_below_passes(platform: Platform) -> None:
    url = platform.put("b/large", "module.exports = async (ctx) => ({ body: ctx.body.a.length });")
    fits = b'{"a":"' + b"x" * (500 * 1024 - 8) + b'"}'
    json_type = {"content-type": "application/json"}
    assert web.post(url, data=fits, headers=json_type).json() == 500 * 1024 - 8
    answer = web.post(url, data=fits + b" ", headers=json_type)
    assert (answer.status_code, answer.json()["message"]) == (413, "request entity too large")
    chunks = web.post(url, data=iter([fits, b" "]), headers=json_type)
    assert chunks.status_code == 413


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (
            "sub-1/b/f",
            400,
            'subscriptionId: "subscriptionId" with value "sub-1" fails to match the required pattern',
        ),
        ("sub-0123456789abcdef/B/f", 400, 'boundaryId: "boundaryId" with value "B"'),
        ("sub-0123456789abcdef/b/f_", 400, 'functionId: "functionId" with value "f_"'),
        ("sub-0123456789abcdef/b%0a/f", 400, "boundaryId"),
        ("sub-0123456789abcdef/b/%zz", 400, "Failed to decode param '%zz'"),
        ("sub-ffffffffffffffff/b/f", 404, "subscription not found"),
        ("sub-0123456789abcdef/b/none", 404, "Not Found"),
        ("sub-0123456789abcdef/b", 404, "Not Found"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_runs(
    platform: Platform, path: str, status: int, message: str
) -> None:
    request = f"GET /v1/run/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _, body = platform.raw(request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert message in body.decode().replace('\\"', '"')
    assert b"\r\nx-fx-response-source" not in head


def test_options_is_answered_by_cors_and_never_reaches_the_function(platform: Platform) -> None:
    url = platform.put("b/cors", "module.exports = async (ctx) => ({ status: 500 });")
    answer = web.options(url, headers={"Access-Control-Request-Headers": "x-a, x-b"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "x-a, x-b"
    assert answer.headers["access-control-allow-methods"] == "GET,POST,PUT,DELETE,PATCH,HEAD"


def test_other_verbs_are_405(platform: Platform) -> None:
    assert web.request("TRACE", platform.put("b/trace", ECHO)).status_code == 405


def test_a_closed_function_is_403_without_the_right_token(platform: Platform) -> None:
    url = platform.put("b/closed", ECHO, security={"authentication": "required"})
    assert web.get(url).json() == {"status": 403, "statusCode": 403, "message": "Unauthorized"}
    assert web.get(url, headers={"Authorization": "Bearer bad"}).status_code == 403
    ctx = web.get(url, headers={"Authorization": "Bearer good"}).json()
    assert ctx["fusebit"]["callerAccessToken"] == "good"
    assert ctx["caller"] == {"permissions": {"allow": [{"action": "function:*", "resource": "/"}]}}
    assert web.get(url, headers={"Authorization": "Bearer bad"}).status_code == 403


def test_a_function_with_permissions_gets_a_token_of_its_own(platform: Platform) -> None:
    url = platform.put("b/token", ECHO, function_permissions={"allow": []})
    assert web.get(url).json()["fusebit"]["functionAccessToken"].startswith("minted-")


def test_a_warm_call_asks_no_service(platform: Platform) -> None:
    url = platform.put("b/warm", ECHO)
    web.get(url)
    before = platform.look_ups()
    for _ in range(20):
        web.get(url)
    assert platform.look_ups() == before


def test_a_new_version_answers_the_very_next_call(platform: Platform) -> None:
    for number in range(10):
        url = platform.put("b/switch", f"module.exports = async (ctx) => ({{ body: {number + 1} }});")
        assert platform.session.get(url).json() == number + 1


def test_closing_a_function_holds_for_the_next_call(platform: Platform) -> None:
    for _ in range(5):
        url = platform.put("b/door", ECHO, security={"authentication": "none"})
        assert platform.session.get(url).status_code == 200
        platform.put("b/door", ECHO, security={"authentication": "required"})
        assert platform.session.get(url).status_code == 403


def test_the_concurrency_limit_of_a_subscription_is_429(platform: Platform) -> None:
    url = platform.put("b/zero", ECHO, concurrency=0)
    answer = web.get(url)
    assert (answer.status_code, answer.json()["message"]) == (
        429,
        "Subscription has exceeded concurrency throttle",
    )
    assert web.get(platform.put("b/free", ECHO, concurrency=-1)).status_code == 200


def test_a_hundred_calls_run_in_one_function_at_once(platform: Platform) -> None:
    source = SLOW.replace("MS", "300").replace("BODY", "process.pid")
    url = platform.put("b/many", source)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(100) as callers:
        pids = {answer.json() for answer in callers.map(lambda _: web.get(url), range(100))}
    assert len(pids) == 1
    assert time.monotonic() - began < 5


def test_two_boundaries_never_share_a_process(platform: Platform) -> None:
    source = "const token = Math.random(); module.exports = async (ctx) => ({ body: token });"
    one, other = platform.put("one/same", source), platform.put("two/same", source)
    assert web.get(one).json() == web.get(one).json()
    assert web.get(one).json() != web.get(other).json()
