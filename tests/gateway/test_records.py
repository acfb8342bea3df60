"""Every call leaves a record, refused ones too; a boundary's policy is kept (architecture 3, security DO-05)."""

import time
from typing import Any

import pytest

from tests.gateway import web
from tests.gateway.conftest import Platform

HELLO = "module.exports = async (ctx) => ({ body: 'hello' });"
CLOSED = {"authentication": "required"}
ADA = {"issuerId": "issuer", "subject": "ada", "kid": "key-1"}


def only(platform: Platform) -> dict[str, Any]:
    (record,) = platform.records()
    return record


def test_a_call_is_recorded_with_its_caller_its_permissions_and_what_it_cost(platform: Platform) -> None:
    url = platform.put("records/fine", HELLO, security=CLOSED)
    platform.records()
    answer = web.post(url + "/a?token=b", json={"n": 1}, headers={"Authorization": "Bearer good"})
    record = only(platform)
    assert record["trace_id"] == answer.headers["fusebit-trace-id"]
    assert (record["path"], record["status"], record["source"], record["cause"]) == ("/a", 200, "function", "")
    assert record["caller"] == ADA
    assert record["permissions"] == {"allow": [{"action": "function:*", "resource": "/"}]}
    assert (record["kind"], record["request_bytes"], record["response_bytes"]) == ("http", 8, 7)
    assert 0 < record["cpu_ms"] < 1000
    assert record["place"][1] == "records"
    assert record["function_id"] == "fine"
    assert abs(record["started_ms"] / 1000 - time.time()) < 60


@pytest.mark.parametrize(
    ("authorization", "cause", "caller", "missing"),
    [
        ("", "auth_missing", None, None),
        ("Bearer narrow", "auth_denied", ADA, {"action": "function:execute", "resource": "/x/"}),
    ],
)
def test_a_refused_call_is_recorded_with_what_was_missing(
    platform: Platform, authorization: str, cause: str, caller: object, missing: object
) -> None:
    url = platform.put("records/closed", HELLO, security=CLOSED)
    platform.records()
    assert web.get(url, headers={"Authorization": authorization}).status_code == 403
    record = only(platform)
    assert (record["cause"], record.get("caller"), record.get("missing")) == (cause, caller, missing)
    assert record["cpu_ms"] is None


def test_an_error_of_the_function_is_recorded_with_its_message(platform: Platform) -> None:
    url = platform.put("records/broken", "module.exports = async (ctx) => { throw new Error('went wrong'); };")
    platform.records()
    assert web.get(url).status_code == 500
    record = only(platform)
    assert (record["cause"], record["message"]) == ("code_error", "went wrong")


def test_a_suspended_boundary_runs_nothing_and_says_so(platform: Platform) -> None:
    url = platform.put("suspended/one", HELLO, policy={"suspended": True})
    platform.records()
    answer = web.get(url)
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    assert only(platform)["cause"] == "suspended"
    assert web.get(platform.put("suspended/one", HELLO)).status_code == 200


def test_a_refused_key_is_refused_in_that_boundary_alone(platform: Platform) -> None:
    header = {"Authorization": "Bearer good"}
    refusing = platform.put("refusing/one", HELLO, security=CLOSED, policy={"refused_kids": ["key-1"]})
    other = platform.put("accepting/one", HELLO, security=CLOSED, policy={"refused_kids": ["key-2"]})
    platform.records()
    assert web.get(refusing, headers=header).status_code == 403
    record = only(platform)
    assert (record["cause"], record["caller"]) == ("auth_denied", ADA)
    assert "key-1" in record["message"]
    assert web.get(other, headers=header).status_code == 200


def test_calls_per_minute_are_counted_by_boundary(platform: Platform) -> None:
    url = platform.put("counted/one", HELLO, policy={"calls_per_minute": 3})
    other = platform.put("uncounted/one", HELLO)
    platform.records()
    assert [web.get(url).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [record["cause"] for record in platform.records()][-1] == "rate_limited"
    assert web.get(other).status_code == 200
