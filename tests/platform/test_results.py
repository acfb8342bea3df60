"""Contract 6.5, 6.6: what becomes of a function's result, and of its errors."""

import re

import pytest


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ("undefined", 200, b""),
        ("{}", 200, b""),
        ("5", 200, b""),
        ("{status: 204}", 204, b""),
        ("{status: 99, body: 'x'}", 500, b'"x"'),
        ("{body: ''}", 200, b""),
        ("{body: 0}", 200, b""),
        ("{body: 'hello'}", 200, b'"hello"'),
        ("{body: 'hello', headers: {'content-type': 'text/html'}}", 200, b'"hello"'),
        ("{body: 'aGVsbG8=', bodyEncoding: 'base64'}", 200, b"hello"),
        ("{body: 'hello', bodyEncoding: 'utf8'}", 200, b"hello"),
        ("{status: 418, body: {a: [1]}}", 418, b'{"a":[1]}'),
    ],
)
def test_a_result_becomes_a_response(place, result, status, body):
    place.put(f"module.exports = async (ctx) => ({result});")
    answer = place.call()
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["x-fx-response-source"] == "function"


def test_json_has_its_type_by_default_and_decoded_text_none(place):
    place.put("module.exports = async (ctx) => ctx.query.e ? {body: 'x', bodyEncoding: 'utf8'} : {body: 'x'};")
    assert place.call().headers["content-type"] == "application/json; charset=utf-8"
    assert "content-type" not in place.call("?e=1").headers


@pytest.mark.parametrize("code", ["throw new TypeError('Some text')", "cb(new TypeError('Some text'))"])
def test_an_error_of_the_handler_is_500_of_the_function_with_its_stack(place, code):
    place.put(f"module.exports = (ctx, cb) => {{ {code}; }};")
    answer = place.call()
    body = answer.json()
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (500, "function")
    assert list(body) == ["code", "status", "statusCode", "message", "properties"]
    assert (body["code"], body["status"], body["statusCode"], body["message"]) == (500, 500, 500, "Some text")
    properties = body["properties"]
    assert (properties["errorMessage"], properties["errorType"]) == ("Some text", "TypeError")
    assert isinstance(properties["stackTrace"], list)


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("module.exports = async (ctx) => {", "SyntaxError", "Unexpected"),
        ("throw new Error('Some text');", "Error", "Some text"),
        ("module.exports = {};", "", "The module export must be a function."),
        ("module.exports = async () => {};", "", "The function must take one parameter: async (ctx)."),
        ("module.exports = (ctx) => {};", "", "The function must take two parameters: (ctx, cb)."),
        ("module.exports = (ctx, cb) => setTimeout(() => { throw new Error('Some text'); }, 1);", "", "Some text"),
        ("module.exports = async (ctx) => { throw 'Some text'; };", "", "Some text"),
    ],
)
def test_a_failure_to_load_or_to_be_caught_is_500_of_the_provider(place, code, kind, message):
    place.put(code)
    answer = place.call()
    body = answer.json()
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (500, "provider")
    assert list(body) == ["status", "statusCode", "message", "properties"]
    assert (body["status"], body["statusCode"]) == (500, 500)
    assert message in body["message"]
    assert body["properties"]["errorMessage"] == body["message"]
    assert kind in body["properties"]["errorType"]
    assert isinstance(body["properties"]["trace"], list)


def test_a_call_that_takes_too_long_is_522_of_the_provider(place):
    place.put("module.exports = (ctx, cb) => {};", compute={"timeout": 1})
    answer = place.call()
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (522, "provider")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ Task timed out after 1\.00 seconds", answer.json()["message"]
    )
