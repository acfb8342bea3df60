"""What a call to a function takes along, and the hosts that are sent nothing."""

from typing import Any

import jwt
import pytest

from fusebit_bridge.client import Requestor
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.errors import InvalidName, UnexpectedAnswer, Unreachable, Untrusted
from fusebit_bridge.execution import passed_on, trusted
from fusebit_bridge.permissions import CLAIM
from fusebit_bridge.resources import Account
from fusebit_bridge.tenant_session import ANSWER_LIMIT, TenantSession
from fusebit_bridge.tokens import KeySource
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION
from tests.fusebit_bridge.wire import Seen, Wire, reset, say, serving

BOUNDARY = Account.of(ACCOUNT).subscription(SUBSCRIPTION).boundary("b-1")
RUN = f"/v1/run/{SUBSCRIPTION}/b-1/hello"


@pytest.fixture
def session(wire: Wire, key: PrivateKey) -> TenantSession:
    source = KeySource(key, issuer_id="onboarding-1", subject="local|1", audience=wire.url)
    return TenantSession(Requestor(wire.url), source, BOUNDARY, "b-1", [])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_every_method_reaches_the_function_with_a_token_for_it_alone(
    session: TenantSession, wire: Wire, key: PrivateKey, method: str
) -> None:
    wire.answer = say(200, {"hello": "Ada"}, headers={"x-fx-response-source": "function"})
    body = b'{"n": 1}' if method not in {"GET", "HEAD"} else b""
    answer = session.execute(
        wire.url + RUN, "hello", method, "/x", [("q", "a b")], [("Accept", "*/*")], body, "application/json"
    )
    (seen,) = wire.seen
    assert (seen.method, seen.target, seen.body) == (method, f"{RUN}/x?q=a+b", body)
    assert answer.status == 200
    assert answer.source == "function"
    assert answer.body == (b"" if method == "HEAD" else b'{"hello": "Ada"}')
    assert answer.duration_ms > 0
    token = (seen.header("authorization") or "").removeprefix("Bearer ")
    claims = jwt.decode(token, key.public_pem, algorithms=["RS256"], audience=wire.url)
    resource = f"{BOUNDARY.resource}function/hello/"
    assert claims[CLAIM] == {"allow": [{"action": "function:execute", "resource": resource}]}
    assert answer.permissions == claims[CLAIM]["allow"]


def test_the_date_that_a_function_answers_with_moves_nobody_s_clock(session: TenantSession, wire: Wire) -> None:
    def dated(handler: Any, seen: Seen) -> None:
        handler.date_time_string = lambda *_: "Thu, 01 Jan 1970 00:00:00 GMT"
        say(200, {"items": []})(handler, seen)

    wire.answer = dated

    session.execute(wire.url + RUN, "hello")
    after_a_call = session._requestor.skew_s
    session.list_functions()

    assert after_a_call == 0.0
    assert session._requestor.skew_s < -1_000_000_000


def test_an_anonymous_call_carries_no_token(session: TenantSession, wire: Wire) -> None:
    answer = session.execute(wire.url + RUN, "hello", anonymous=True)
    assert wire.seen[0].header("authorization") is None
    assert answer.permissions == []


def test_only_harmless_headers_are_passed_on(session: TenantSession, wire: Wire) -> None:
    given = [
        ("Authorization", "Bearer of-the-tenant"),
        ("Cookie", "session=1"),
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "host=evil"),
        ("fusebit-authorization-account-id", "acc-1"),
        ("fusebit-trace-id", "1"),
        ("x-fx-logs", "1"),
        ("X-User-Agent", "fusebit-cli/1.0.0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "Authorization"),
        ("Content-Length", "999"),
        ("Proxy-Authorization", "x"),
        ("TE", "trailers"),
        ("Expect", "100-continue"),
        ("X-Original-URL", "/admin"),
        ("X-Request-Id", "mine"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Accept", "text/html"),
        ("X-GitHub-Event", "push"),
        ("Stripe-Signature", "t=1"),
    ]
    session.execute(wire.url + RUN, "hello", headers=given, anonymous=True)
    arrived = {name.lower() for name, _ in wire.seen[0].headers}
    assert arrived == {
        "host", "user-agent", "accept-encoding", "x-request-id", "accept", "x-github-event", "stripe-signature",
    }  # fmt: skip
    assert wire.seen[0].header("host") == wire.url.removeprefix("http://")
    assert wire.seen[0].header("x-request-id") != "mine"


@pytest.mark.parametrize(
    "header", [("X-A", "1\r\nX-B: 2"), ("X-A\n", "1"), ("", "1"), ("X-A", "\x00"), ("X-A", "☃"), ("x:a", "1")]
)
def test_a_header_that_would_break_the_request_apart_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(InvalidName):
        passed_on([header])


def test_a_location_on_another_host_is_sent_nothing(session: TenantSession) -> None:
    with serving() as elsewhere:
        with pytest.raises(Untrusted):
            session.execute(elsewhere.url + RUN, "hello")
        assert elsewhere.seen == []


@pytest.mark.parametrize(
    "location",
    [
        "https://api.example.com",
        "http://api.example.com:3001.evil.com/x",
        "http://api.example.com@evil.com/x",
        "http://api.example.com:3001@evil.com/x",
        "http://evil.com#http://api.example.com:3001/",
        "http://api.example.com:3001/x?y",
        "http://api.example.com:3001/x#y",
        "http://api.example.com:3001/a/../b",
        "http://api.example.com:3002/x",
        "//api.example.com:3001/x",
        "ftp://api.example.com:3001/x",
        "http://[::1/x",
        "",
        "javascript:alert(1)",
    ],
)
def test_what_only_looks_like_a_trusted_location_is_not_trusted(location: str) -> None:
    with pytest.raises((Untrusted, InvalidName)):
        trusted(location, ["http://api.example.com:3001"])


def test_an_origin_is_the_same_in_every_spelling_of_host_and_port() -> None:
    assert trusted("https://API.example.com:443/v1/run/x", ["https://api.example.com"])
    assert trusted("http://run.example.com/x", ["http://a.example.com", "http://run.example.com:80"])


def test_a_redirect_of_a_function_is_its_answer(session: TenantSession, wire: Wire) -> None:
    wire.answer = say(302, headers={"Location": "http://127.0.0.1:1/"})
    assert session.execute(wire.url + RUN, "hello").status == 302


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 522])
def test_a_refused_or_failed_call_is_an_answer_too(session: TenantSession, wire: Wire, status: int) -> None:
    wire.answer = say(status, {"status": status})
    answer = session.execute(wire.url + RUN, "hello")
    assert (answer.status, answer.source) == (status, "")


def test_six_megabytes_are_an_answer_and_more_is_not(session: TenantSession, wire: Wire) -> None:
    wire.answer = say(200, raw=b"x" * (6 * 1024 * 1024))
    assert len(session.execute(wire.url + RUN, "hello").body) == 6 * 1024 * 1024
    wire.answer = say(200, raw=b"x" * (ANSWER_LIMIT + 1))
    with pytest.raises(UnexpectedAnswer, match="larger"):
        session.execute(wire.url + RUN, "hello")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_that_may_have_run_is_never_repeated(session: TenantSession, wire: Wire, method: str) -> None:
    wire.answer = reset
    with pytest.raises(Unreachable):
        session.execute(wire.url + RUN, "hello", method)
    assert len(wire.seen) == 1


def test_what_a_person_puts_into_a_path_is_in_no_log(
    session: TenantSession, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    session.execute(wire.url + RUN, "hello", path="/webhook/s3cret", query=[("key", "s3cret")])
    assert "function/hello answered 200" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", "OPTIONS", "GET /x HTTP/1.1\r\n"])
def test_no_other_method_is_sent(session: TenantSession, wire: Wire, method: str) -> None:
    with pytest.raises(InvalidName):
        session.execute(wire.url + RUN, "hello", method)
    assert wire.seen == []


@pytest.mark.parametrize(
    "path", ["/a%2Fb", "/a/", "//a", "/%C3%A4", "/a;b=c", "/a'b(c)*!$&+,=:@~", "/x?y=%2F&z", "/caf\u00e9 x"]
)
def test_the_path_arrives_as_it_was_prepared(session: TenantSession, wire: Wire, path: str) -> None:
    session.execute(wire.url + RUN, "hello", path=path)
    sent = path.replace("\u00e9", "%C3%A9").replace(" ", "%20")
    assert wire.seen[0].target == RUN + sent
