"""Contract 1: paths, order of checks, errors, CORS, entity tags, bodies, client versions."""

import json
import re
import time

import pytest

from tests.embedded import EmbeddedFusebit, text_function

ACCOUNT_PATTERN = '"accountId" with value "acc-1234" fails to match the required pattern: /^acc-[a-f0-9]{16}$/'


def message(answer) -> str:
    body = answer.json()
    assert body["status"] == body["statusCode"] == answer.status_code
    return body["message"]


def test_health_names_the_version_and_nothing_else(embedded: EmbeddedFusebit):
    answer = embedded.request("GET", "/v1/health", token=None)
    assert answer.json() == {"version": "1.41.1"}
    assert "fusebit-trace-id" not in answer.headers


def test_an_unknown_path_is_not_found(embedded):
    for path in ("/", "/v1", "/v1/nope", "//v1/health", f"{embedded.a}/nope"):
        answer = embedded.request("GET", path)
        assert (answer.status_code, message(answer)) == (404, "Not Found")
        assert answer.headers["etag"].startswith('W/"')


def test_an_unknown_method_is_not_found(embedded):
    for method, path in (("PUT", embedded.a), ("DELETE", embedded.a), ("POST", "/v1/health")):
        answer = embedded.request(method, path)
        assert (answer.status_code, message(answer)) == (404, "Not Found")


def test_a_malformed_id_is_reported_before_the_missing_token(embedded):
    answer = embedded.request("GET", "/v1/account/acc-1234", token=None)
    assert (answer.status_code, message(answer)) == (400, f"accountId: {ACCOUNT_PATTERN}")


def test_ids_are_checked_in_schema_order(embedded):
    path = "/v1/account/acc-1/subscription/sub-1/boundary/UPPER/function/f_1"
    assert message(embedded.request("GET", path)).startswith("accountId:")
    path = f"{embedded.a}/subscription/sub-1/boundary/UPPER/function/f_1"
    assert message(embedded.request("GET", path)).startswith("subscriptionId:")
    path = f"{embedded.s}/boundary/UPPER/function/f_1"
    expected = 'boundaryId: "boundaryId" with value "UPPER" fails to match the required pattern: /^[a-z0-9\\-]{1,63}$/'
    assert message(embedded.request("GET", path)) == expected


def test_patterns_quote_the_decoded_value(embedded):
    path = f"{embedded.s}/boundary/b%20c/function"
    assert '"boundaryId" with value "b c" fails' in message(embedded.request("GET", path))


def test_a_newline_at_the_end_of_an_id_is_refused(embedded):
    assert embedded.request("GET", f"{embedded.b('b%0A')}/function").status_code == 400


def test_broken_percent_encoding_is_a_bad_request(embedded):
    for raw in ("%zz", "%", "%f", "%ff"):
        status, body = embedded.raw_get(f"{embedded.a}/issuer/{raw}")
        assert (status, body["message"]) == (400, f"Failed to decode param '{raw}'")


def test_paths_are_not_made_canonical(embedded):
    for path in (
        "/v1/../v1/health",
        "/v1/./health",
        "/v1//health",
        "/v1%2fhealth",
        "/v1/health;x=1",
        "/v1/health.json",
    ):
        assert embedded.raw_get(path)[0] == 404


def test_literal_segments_match_in_any_case_and_a_trailing_slash_is_tolerated(embedded):
    assert embedded.request("GET", "/v1/HEALTH/", token=None).status_code == 200
    assert embedded.request("GET", f"{embedded.a}/me/").status_code == 200


def test_there_is_no_401_and_no_challenge(embedded):
    for token in (None, "x", "a.b.c"):
        answer = embedded.request("GET", embedded.a, token=token)
        assert (answer.status_code, message(answer)) == (403, "Unauthorized")
        assert "www-authenticate" not in answer.headers


def test_a_bad_body_without_permission_is_403(embedded):
    answer = embedded.request("POST", f"{embedded.a}/user", token=None, data=b"{nonsense")
    assert answer.status_code == 403


def test_head_works_where_get_does(embedded):
    answer = embedded.request("HEAD", f"{embedded.a}/me")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("content", [b"{", b'"text"', b"null", b"1", b"{} x", b'{"a":NaN}', b"[" * 100_000])
def test_json_is_strict(embedded, content):
    headers = {"content-type": "application/json"}
    answer = embedded.request("POST", f"{embedded.a}/user", data=content, headers=headers)
    assert answer.status_code == 400
    assert message(answer)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", "Unexpected end of JSON input"),
        (b'{"a', "Unexpected end of JSON input"),
        (b"{x", "Unexpected token x in JSON at position 1"),
        (b"{} x", "Unexpected token x in JSON at position 3"),
        (b"true", "Unexpected token t in JSON at position 0"),
        (b'{"a":NaN}', "Unexpected token in JSON"),
    ],
)
def test_broken_json_is_told_with_its_place(embedded, content, text):
    headers = {"content-type": "application/json"}
    assert message(embedded.request("POST", f"{embedded.a}/user", data=content, headers=headers)) == text


def test_another_content_type_counts_as_an_empty_body(embedded):
    answer = embedded.request("POST", f"{embedded.a}/client", data=b"<a/>", headers={"content-type": "text/xml"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id"}


def test_an_array_is_no_object(embedded):
    answer = embedded.request("POST", f"{embedded.a}/user", json=[])
    assert (answer.status_code, message(answer)) == (400, ': "value" must be an object')


def test_a_body_over_the_limit_is_413_after_authorisation(embedded, boundary):
    big = {"displayName": "x" * 110_000}
    answer = embedded.request("POST", f"{embedded.a}/client", json=big)
    assert (answer.status_code, message(answer)) == (413, "request entity too large")
    assert embedded.request("POST", f"{embedded.a}/client", json=big, token=None).status_code == 403
    spec = text_function("x" * 520_000)
    assert embedded.request("PUT", embedded.f(boundary, "big"), json=spec).status_code == 413
    spec = text_function("x" * 490_000)
    assert embedded.request("PUT", embedded.f(boundary, "big"), json=spec).status_code == 200
    assert embedded.request("POST", f"{embedded.f(boundary, 'big')}/build", json={}).status_code == 413


@pytest.mark.parametrize(("spare", "status"), [(0, 200), (-1, 413)])
def test_a_body_may_be_as_large_as_the_limit_to_the_byte(embedded, spare, status):
    name = "x" * (100 * 1024 - len('{"displayName": ""}') - spare)
    assert embedded.request("POST", f"{embedded.a}/client", json={"displayName": name}).status_code == status


def test_a_body_far_over_every_limit_is_413_too(embedded):
    answer = embedded.request("POST", f"{embedded.a}/client", json={"displayName": "x" * 5_000_000})
    assert answer.status_code == 413


def test_compressed_bodies_are_refused(embedded):
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert embedded.request("POST", f"{embedded.a}/client", data=b"\x1f\x8b", headers=headers).status_code == 415


def test_answers_carry_a_weak_etag_and_honour_it(embedded):
    first = embedded.request("GET", embedded.a)
    tag = first.headers["etag"]
    assert re.fullmatch(r'W/"[0-9a-f]+-[A-Za-z0-9+/]{27}"', tag)
    again = embedded.request("GET", embedded.a, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert embedded.request("GET", embedded.a, headers={"If-None-Match": '"other"'}).status_code == 200


def test_keys_keep_their_order_and_answers_are_utf8_json(embedded):
    answer = embedded.request("POST", f"{embedded.a}/client", json={"displayName": "Zoë"})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "Zoë".encode() in answer.content


def test_a_trace_id_is_continued_or_begun(embedded):
    fresh = embedded.request("GET", embedded.a, token=None).headers["fusebit-trace-id"]
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{16}", fresh)
    trace = "0" * 31 + "7"
    kept = embedded.request("GET", embedded.a, headers={"fusebit-trace-id": f"{trace}.0000000000000001"})
    head, _, span = kept.headers["fusebit-trace-id"].partition(".")
    assert head == trace
    assert span != "0000000000000001"


def test_preflights_are_answered_for_every_origin(embedded):
    headers = {"Origin": "https://x.example", "Access-Control-Request-Headers": "authorization,x-a"}
    answer = embedded.request("OPTIONS", f"{embedded.a}/user", token=None, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-a"
    assert answer.headers["access-control-allow-methods"] == "GET,POST,PUT,DELETE,PATCH"
    assert "fusebit-trace-id" not in answer.headers
    run = embedded.request("OPTIONS", embedded.run_path("b", "f"), token=None, headers=headers)
    assert (run.status_code, run.headers["access-control-allow-headers"]) == (204, "authorization,x-a")
    assert run.headers["access-control-allow-methods"] == "GET,POST,PUT,DELETE,PATCH,HEAD"
    exposed = "access-control-expose-headers"
    assert run.headers[exposed] == answer.headers[exposed]


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        ("fusebit-cli/1.24.0", 200),
        ("fusebit-cli/1.8.11", 200),
        ("fusebit-cli/1.8.10", 400),
        ("fusebit-cli/2.0.0", 400),
        ("fusebit-cli/1.9.0-beta", 400),
        ("fusebit-editor/1.4.6", 200),
        ("fusebit-editor/1.4.5", 400),
        ("everyauth-cli/0.0.1", 200),
        ("curl/8", 200),
    ],
)
def test_outdated_clients_are_turned_away_where_functions_are_managed(embedded, boundary, agent, status):
    path = f"{embedded.f(boundary, 'x')}/location"
    assert embedded.request("GET", path, headers={"user-agent": agent}).status_code == status
    assert embedded.request("GET", f"{embedded.a}/user", headers={"user-agent": agent}).status_code == 200


def test_the_text_for_an_outdated_client_says_what_to_do(embedded, boundary):
    path = f"{embedded.f(boundary, 'x')}/location"
    cli = message(embedded.request("GET", path, headers={"x-user-agent": "fusebit-cli/1.0.0", "user-agent": "x"}))
    assert cli == (
        "Your @fusebit/cli version 1.0.0 is out of date (required: ^1.8.11). "
        "Please run 'npm install -g @fusebit/cli' to update."
    )
    editor = message(embedded.request("GET", path, headers={"user-agent": "fusebit-editor/1.0.0"}))
    assert editor == ("Your editor version 1.0.0 is out of date (required: >1.4.5). Please notify your administrator.")


def test_unknown_and_repeated_query_parameters_are_refused(embedded):
    assert message(embedded.request("GET", f"{embedded.a}/user?tag=x")) == 'tag: "tag" is not allowed'
    assert message(embedded.request("GET", f"{embedded.a}/user?name[x]=1")) == 'name: "name" must be a string'
    assert embedded.request("GET", f"{embedded.a}/user?&&=1&__proto__=1").status_code == 200
    assert message(embedded.request("GET", f"{embedded.a}/user?name=a&name=b")) == 'name: "name" must be a string'
    assert message(embedded.request("GET", f"{embedded.a}/user?count=x")) == 'count: "count" must be a number'
    assert message(embedded.request("GET", f"{embedded.a}/user?count=1.5")) == 'count: "count" must be an integer'
    include = message(embedded.request("GET", f"{embedded.a}/user?include=some"))
    assert include == 'include: "include" must be one of [all, cache]'


def test_the_base_url_of_answers_follows_host_and_forwarded_protocol(embedded, boundary):
    headers = {"Host": "api.example.com", "X-Forwarded-Proto": "https,http"}
    path = f"{embedded.f(boundary, 'x')}/location"
    location = embedded.request("GET", path, headers=headers).json()["location"]
    assert location == f"https://api.example.com{embedded.run_path(boundary, 'x')}"


def test_two_authorization_headers_are_one_bad_one(embedded):
    request = (
        f"GET {embedded.a} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {embedded.token()}\r\n"
        "Authorization: Bearer x\r\nConnection: close\r\n\r\n"
    )
    assert embedded.raw(request.encode()).startswith(b"HTTP/1.1 403")


def test_operational_endpoints_need_no_token(embedded):
    assert embedded.request("GET", "/v1/health/analytics", token=None).json() == {"status": "ok"}
    gauges = embedded.request("GET", "/v1/metrics", token=None).json()
    assert gauges == {"rateLimits": {"concurrency": {"current": {}, "maximums": {}}}}
    refreshed = embedded.request("GET", "/v1/refresh", token=None).json()
    assert refreshed["cache"] - refreshed["at"] == 10_000
    assert json.dumps(refreshed)


def test_an_account_is_changed_by_json_or_not_even_the_token_is_looked_at(embedded):
    headers = {"content-type": "application/json"}
    broken = embedded.request("PATCH", embedded.a, token=None, data=b"{", headers=headers)
    assert broken.status_code == 400
    assert embedded.request("PATCH", embedded.a, token=None, json={"nope": 1}).status_code == 403
    assert embedded.request("POST", f"{embedded.a}/user", token=None, data=b"{", headers=headers).status_code == 403


def test_queries_of_subscriptions_statistics_and_storage_are_checked_before_the_token(embedded):
    for path in (embedded.s, f"{embedded.a}/statistics/itemizedbulk", f"{embedded.s}/storage/a"):
        answer = embedded.request("GET", f"{path}?nope=1", token=None)
        assert (answer.status_code, message(answer)) == (400, 'nope: "nope" is not allowed')
    assert embedded.request("GET", f"{embedded.a}/user?nope=1", token=None).status_code == 403


def test_an_outdated_client_is_turned_away_before_its_redirect_is_read(embedded, boundary):
    headers = {"content-type": "application/json", "user-agent": "fusebit-cli/1.0.0"}
    path = f"{embedded.f(boundary, 'x')}/redirect"
    answer = embedded.request("POST", path, data=b"{", headers=headers)
    assert "is out of date" in message(answer)
    put = embedded.request("PUT", embedded.f(boundary, "x"), data=b"{", headers=headers)
    assert "is out of date" not in message(put)


def test_a_registry_is_changed_without_a_look_at_the_account_id(embedded):
    answer = embedded.request("PUT", "/v1/account/acc-1234/registry/default", json={"scopes": ["@mine"]})
    assert (answer.status_code, message(answer)) == (403, "Unauthorized")


@pytest.mark.parametrize("agent", ["fusebit-cli/1.0.0", "fusebit-editor/1.0.0"])
def test_lists_of_a_boundary_agents_and_storage_are_open_to_outdated_clients(embedded, boundary, agent):
    headers = {"user-agent": agent}
    for path in (f"{embedded.b(boundary)}/function", f"{embedded.a}/client", f"{embedded.a}/issuer"):
        assert embedded.request("GET", path, headers=headers).status_code == 200
    assert embedded.request("GET", f"{embedded.s}/storage", headers=headers).status_code == 200
    assert embedded.request("GET", f"{embedded.s}/function", headers=headers).status_code == 400


def test_a_missing_subscription_is_404_only_to_those_who_may_ask(embedded):
    path = f"{embedded.a}/subscription/sub-{'0' * 16}"
    assert embedded.request("GET", path).status_code == 404
    assert embedded.request("GET", path, token=embedded.add_user().token()).status_code == 403


def test_every_answer_names_every_origin_and_what_a_page_may_read(embedded):
    for path, token in ((embedded.a, ""), (embedded.a, None), ("/v1/nope", "")):
        headers = embedded.request("GET", path, token=token).headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["access-control-allow-credentials"] == "true"
        exposed = "x-fx-logs,x-fx-response-source,content-length,fusebit-trace-id"
        assert headers["access-control-expose-headers"] == exposed


def test_numbers_and_truths_may_be_texts_but_texts_may_not_be_numbers(embedded, boundary):
    compute = {"memorySize": "256", "timeout": "60", "staticIp": "false"}
    spec = text_function() | {"compute": compute}
    assert embedded.request("PUT", embedded.f(boundary, "f"), json=spec).status_code == 200
    stored = embedded.request("GET", embedded.f(boundary, "f")).json()["compute"]
    assert stored == {"memorySize": 256, "timeout": 60, "staticIp": False}
    answer = embedded.request("POST", f"{embedded.a}/client", json={"displayName": 7})
    assert message(answer) == 'displayName: "displayName" must be a string'


def test_an_error_says_its_status_twice_and_its_message(embedded):
    for answer in (
        embedded.request("GET", f"{embedded.a}/user?tag=x"),
        embedded.request("GET", embedded.a, token=None),
        embedded.request("GET", f"{embedded.a}/user/usr-{'0' * 16}"),
        embedded.request("GET", "/v1/nope"),
    ):
        assert set(answer.json()) == {"status", "statusCode", "message"}
        assert message(answer)


def test_the_cache_was_read_after_whoever_waits_for_it_began(embedded):
    began = int(time.time() * 1000)
    deadline = time.monotonic() + 10
    while (latest := embedded.request("GET", "/v1/refresh", token=None).json()["at"]) <= began:
        assert time.monotonic() < deadline, latest
