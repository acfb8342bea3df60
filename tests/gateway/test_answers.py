"""What a function answers is hostile input (contract 6.5; RS-01, RS-02, RS-04, RS-05)."""

import json

import pytest
from requests import Response

from fusebit_platform.gateway import answers
from tests.gateway import web
from tests.gateway.conftest import Platform


def answer_to(platform: Platform, result: str) -> Response:
    return web.get(platform.put("b/answer", f"module.exports = async (ctx) => ({result});"), allow_redirects=False)


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ("undefined", 200, b""),
        ("{}", 200, b""),
        ("5", 200, b""),
        ("{ status: 418 }", 418, b""),
        ("{ status: 204, body: 'x' }", 204, b""),
        ("{ status: 99 }", 500, b""),
        ("{ status: 150 }", 500, b""),
        ("{ status: 600 }", 500, b""),
        ("{ status: NaN }", 500, b""),
        ("{ status: '201' }", 201, b""),
        ("{ body: '' }", 200, b""),
        ("{ body: 0 }", 200, b""),
        ("{ body: 'text', headers: { 'content-type': 'text/html' } }", 200, b'"text"'),
        ("{ body: 'aGk=', bodyEncoding: 'base64' }", 200, b"hi"),
        ("{ body: '6869', bodyEncoding: 'hex' }", 200, b"hi"),
        ("{ body: [1, 2] }", 200, b"[1,2]"),
    ],
)
def test_a_result_becomes_a_response(platform: Platform, result: str, status: int, body: bytes) -> None:
    answer = answer_to(platform, result)
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["x-fx-response-source"] == "function"


def test_an_encoded_body_gets_no_default_type(platform: Platform) -> None:
    assert "content-type" not in answer_to(platform, "{ body: 'hi', bodyEncoding: 'utf8' }").headers


@pytest.mark.parametrize(
    "result",
    [
        "{ body: 1n }",
        "{ body: (() => { const a = {}; a.a = a; return a; })() }",
        "{ body: { get x() { throw new Error('getter'); } } }",
        "{ body: 'x', bodyEncoding: 'no-such' }",
        "new Proxy({}, { get() { throw new Error('proxy'); } })",
        "{ headers: new Proxy({}, { ownKeys() { throw new Error('proxy'); } }), body: 1 }",
        "(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return { body: a }; })()",
    ],
)
def test_a_result_that_cannot_be_written_down_is_an_error_of_the_function(platform: Platform, result: str) -> None:
    answer = answer_to(platform, result)
    assert answer.status_code == 500
    assert answer.headers["x-fx-response-source"] == "function"
    assert answer.json()["properties"]["errorMessage"]


def test_a_response_over_6_mib_is_refused(platform: Platform) -> None:
    answer = answer_to(platform, "{ body: 'x'.repeat(6 * 1024 * 1024) }")
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (500, "provider")
    largest = answer_to(platform, "{ body: 'x'.repeat(6 * 1024 * 1024 - 2) }")
    assert (largest.status_code, len(largest.content)) == (200, 6 * 1024 * 1024)


def test_headers_repeat_and_the_platforms_own_are_dropped(platform: Platform) -> None:
    answer = answer_to(
        platform,
        """{ headers: { 'X-One': ['1', '2'], 'x-fx-response-source': 'forged', 'fusebit-trace-id': 'forged',
             'Content-Length': '3', 'Connection': 'close', 'Transfer-Encoding': 'chunked',
             'X-Content-Type-Options': 'x',
             'x-split': 'a\\r\\nset-cookie: b=c', 'bad name': '1', 'x-nul': 'a\\0b',
             'x-wide': '\\u{1F600}', __proto__: null,
             'Location': 'javascript:alert(1)', 'Set-Cookie': 'mine=1' }, body: 1 }""",
    )
    assert answer.raw.headers.getlist("x-one") == ["1", "2"]
    assert answer.headers["x-fx-response-source"] == "function"
    assert "forged" not in str(answer.headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "split" not in str(answer.headers)
    assert not {"bad name", "x-nul", "x-wide", "location", "transfer-encoding"} & {
        name.lower() for name in answer.headers
    }
    assert answer.headers["set-cookie"] == "mine=1"
    assert answer.content == b"1"


def test_a_function_may_choose_its_own_cors(platform: Platform) -> None:
    answer = answer_to(platform, "{ headers: { 'access-control-allow-origin': 'https://a.example' } }")
    assert answer.headers["access-control-allow-origin"] == "https://a.example"


@pytest.mark.parametrize(
    "headers",
    [
        "Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ['x-' + i, '1']))",
        "{ 'x-long': 'x'.repeat(1e6) }",
    ],
)
def test_too_many_or_too_large_headers_are_an_error(platform: Platform, headers: str) -> None:
    answer = answer_to(platform, f"{{ headers: {headers} }}")
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (500, "provider")


def test_on_a_shared_origin_nothing_can_act_for_the_site() -> None:
    names = ["Set-Cookie", "Clear-Site-Data", "Refresh", "Service-Worker-Allowed", "Content-Security-Policy",
             "Access-Control-Allow-Origin", "Strict-Transport-Security"]  # fmt: skip
    written = json.dumps([[name, "x"] for name in names]).encode()
    block = answers.header_block(200, "function", written, shares_origin=True).decode()
    assert "set-cookie" not in block
    assert "refresh" not in block
    assert "content-security-policy: sandbox allow-scripts allow-forms allow-popups\r\n" in block
    assert "access-control-allow-origin: *\r\n" in block
    assert block.count("content-security-policy") == 1


@pytest.mark.parametrize("written", [b"", b"{", b"1", b"[1]", b"[[1,2,3]]", b"null", b"[" * 30_000, b"\xff"])
def test_headers_that_are_no_list_of_pairs_are_unusable(written: bytes) -> None:
    with pytest.raises(answers.Unusable):
        answers.header_block(200, "function", written, shares_origin=False)
