"""Against a real server on loopback: whatever it answers ends in an answer that makes sense or in a named error."""

import hashlib
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest
from django.views.debug import ExceptionReporter

from fusebit_bridge import client as client_module
from fusebit_bridge.answers import retry_after
from fusebit_bridge.client import Limits, Requestor
from fusebit_bridge.errors import (
    BuildFailed,
    Busy,
    Failed,
    FusebitError,
    InvalidName,
    Missing,
    Refused,
    Rejected,
    UnexpectedAnswer,
    Unreachable,
)
from fusebit_bridge.resources import Account
from fusebit_bridge.tokens import Token
from tests.fusebit_bridge.conftest import ACCOUNT
from tests.fusebit_bridge.wire import Seen, Wire, reset, say

ME = Account.of(ACCOUNT).me()
TEXT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"
TOKEN = Token(TEXT, (), 0)


def ask(wire: Wire, method: str = "GET", **options: object) -> object:
    return Requestor(wire.url).ask(method, ME, token=TOKEN, **options).json()  # type: ignore[arg-type]


def error(status: int, message: str = "no", **more: object) -> object:
    return say(status, {"status": status, "statusCode": status, "message": message, **more})


def test_a_request_carries_the_token_an_id_and_nothing_of_ours(wire: Wire) -> None:
    wire.answer = say(200, {"id": "clt-1"})
    assert ask(wire, query={"issuerId": "https://x/", "subject": "local|1"}) == {"id": "clt-1"}
    (seen,) = wire.seen
    assert seen.target == f"/v1/account/{ACCOUNT}/me?issuerId=https%3A%2F%2Fx%2F&subject=local%7C1"
    assert seen.header("authorization") == f"Bearer {TEXT}"
    assert len(seen.header("x-request-id") or "") == 16
    assert {name.lower() for name, _ in seen.headers} == {
        "host", "user-agent", "accept-encoding", "accept", "authorization", "x-request-id",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "retriable"),
    [
        (400, Rejected, False),
        (401, Refused, False),
        (403, Refused, False),
        (404, Missing, False),
        (409, Rejected, False),
        (413, Rejected, False),
        (429, Busy, True),
        (500, Failed, True),
        (503, Failed, True),
        (522, Failed, True),
    ],
)
def test_each_status_has_its_error(wire: Wire, status: int, kind: type[FusebitError], retriable: bool) -> None:
    wire.answer = error(status, "the reason")
    with pytest.raises(kind) as caught:
        ask(wire)
    assert type(caught.value) is kind
    assert caught.value.retriable is retriable
    assert caught.value.reference_id == wire.seen[0].header("x-request-id")
    assert str(status) in caught.value.detail


def test_a_rejection_tells_the_author_why_and_a_refusal_tells_a_stranger_nothing(wire: Wire) -> None:
    wire.answer = error(400, 'compute.timeout: "timeout" must be a number')
    with pytest.raises(Rejected, match="must be a number"):
        ask(wire)
    wire.answer = error(403, "the user usr-1 may not")
    with pytest.raises(Refused) as caught:
        ask(wire)
    assert "usr-1" not in caught.value.message


def test_a_failed_build_is_told_in_the_builders_words_whatever_its_status(wire: Wire) -> None:
    for status in (400, 500):
        wire.answer = error(status, "Command failed: npm", properties={"build": {"status": "failed"}})
        with pytest.raises(BuildFailed, match="Command failed"):
            ask(wire)


def test_an_answer_that_makes_no_sense_is_recognised_but_not_quoted(wire: Wire) -> None:
    secret = "a-secret-of-somebody"
    page = f"<html>{secret}</html>".encode()

    for status, kind in ((200, UnexpectedAnswer), (404, UnexpectedAnswer), (500, Failed)):
        wire.answer = say(status, raw=page)
        with pytest.raises(kind) as caught:
            ask(wire)
        assert "HTML" in caught.value.detail
        assert hashlib.sha256(page).hexdigest()[:12] in caught.value.detail
        assert secret not in caught.value.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"<html><title>Welcome to nginx</title></html>",
        b'{"id": "clt',
        b"",
        b"[1]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": ' * 60_000,
        b'{"id": 1} junk',
    ],
)
def test_an_answer_that_is_no_json_object_is_unexpected(wire: Wire, raw: bytes) -> None:
    wire.answer = say(200, raw=raw)
    with pytest.raises(UnexpectedAnswer) as caught:
        ask(wire)
    assert caught.value.retriable


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_proxys_page_is_not_taken_for_fusebits_word(wire: Wire, status: int) -> None:
    wire.answer = say(status, raw=b"<html>blocked</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(UnexpectedAnswer):
        ask(wire)


def test_a_gateways_html_for_a_dead_fusebit_is_a_failure_of_fusebit(wire: Wire) -> None:
    wire.answer = say(502, raw=b"<html>Bad Gateway</html>", headers={"Retry-After": "7"})
    with pytest.raises(Failed) as caught:
        ask(wire)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_takes_no_token_along(wire: Wire, status: int) -> None:
    wire.answer = say(status, headers={"Location": f"{wire.url}/elsewhere"})
    with pytest.raises(UnexpectedAnswer):
        ask(wire)
    assert len(wire.seen) == 1


def test_ten_megabytes_are_not_taken_in(wire: Wire) -> None:
    wire.answer = say(200, raw=b'{"a": "' + b"x" * 10_000_000 + b'"}')
    with pytest.raises(UnexpectedAnswer, match="larger than 1024 KiB"):
        ask(wire)


def test_an_answer_that_never_ends_is_cut_off(wire: Wire) -> None:
    def endless(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    wire.answer = endless
    with pytest.raises(UnexpectedAnswer, match="larger"):
        ask(wire)


def test_a_body_shorter_than_promised_is_unexpected(wire: Wire) -> None:
    def short(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"id": 1}')
        handler.close_connection = True

    wire.answer = short
    with pytest.raises(UnexpectedAnswer, match="cut short") as caught:
        ask(wire)
    assert caught.value.reference_id == wire.seen[0].header("x-request-id")


def test_an_answer_that_drips_is_given_up_when_its_time_is_over(wire: Wire) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b" ")

    wire.answer = drip
    started = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        ask(wire, seconds=0.4)
    assert time.monotonic() - started < 2
    stop.set()


def test_no_answer_in_time_is_unreachable_and_not_asked_again(wire: Wire) -> None:
    stop = threading.Event()
    wire.answer = lambda _handler, _seen: stop.wait(5)
    with pytest.raises(Unreachable, match="in time"):
        ask(wire, seconds=0.3)
    assert len(wire.seen) == 1
    stop.set()


def test_a_reading_request_that_was_reset_is_sent_once_more(wire: Wire) -> None:
    answers = iter([reset, say(200, {"id": "clt-1"})])
    wire.answer = lambda handler, seen: next(answers)(handler, seen)
    assert ask(wire) == {"id": "clt-1"}
    assert len({seen.header("x-request-id") for seen in wire.seen}) == 1


def test_a_reading_request_that_is_reset_twice_is_unreachable(wire: Wire) -> None:
    wire.answer = reset
    with pytest.raises(Unreachable):
        ask(wire)
    assert len(wire.seen) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_writing_request_is_never_sent_twice(wire: Wire, method: str) -> None:
    wire.answer = reset
    with pytest.raises(Unreachable):
        ask(wire, method, body={})
    assert len(wire.seen) == 1


def test_nobody_listening_is_unreachable(wire: Wire) -> None:
    dead = Requestor("http://127.0.0.1:1")
    with pytest.raises(Unreachable) as caught:
        dead.ask("GET", ME, token=TOKEN)
    assert "refused" in caught.value.detail.lower()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), ("999999999", 3_600), ("", None), ("soon", None), ("-3", None), ("1.5", None)],
)
def test_retry_after_in_seconds_is_read(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_as_a_date_is_read_and_one_in_the_past_means_now() -> None:
    assert retry_after(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)) == 0
    ahead = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert ahead is not None
    assert 80 < ahead <= 90


def test_a_busy_fusebit_says_how_long_to_wait(wire: Wire) -> None:
    wire.answer = say(429, raw=b"slow down", headers={"Retry-After": "30"})
    with pytest.raises(Busy) as caught:
        ask(wire)
    assert caught.value.retry_after == 30


def test_cookies_that_one_answer_sets_go_along_with_no_other_request(wire: Wire) -> None:
    requestor = Requestor(wire.url)
    wire.answer = say(200, {}, headers={"Set-Cookie": "session=of-a-tenant; Path=/"})
    requestor.ask("GET", ME, token=TOKEN)
    requestor.ask("GET", ME, token=TOKEN)
    assert wire.seen[1].header("cookie") is None


def test_neither_proxies_nor_netrc_of_the_environment_are_used(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    ask(wire)
    assert wire.seen[0].header("authorization") == f"Bearer {TEXT}"


@pytest.mark.parametrize("tail", ["/../x", "/%2e%2e/x", "/a b", "/ä", "/%zz"])
def test_a_url_that_would_not_travel_as_it_is_is_never_sent(wire: Wire, tail: str) -> None:
    with pytest.raises(InvalidName):
        Requestor(wire.url).send("GET", f"{wire.url}/v1{tail}", headers=[])
    assert wire.seen == []


@pytest.mark.parametrize("body", [{"a": "\ud800"}, {"a": float("nan")}, {"a": object()}])
def test_a_value_that_json_cannot_carry_is_refused_before_anything_is_sent(wire: Wire, body: dict[str, object]) -> None:
    with pytest.raises(InvalidName):
        ask(wire, "PUT", body=body)
    with pytest.raises(InvalidName):
        ask(wire, query={"subject": "\ud800"})
    assert wire.seen == []


def test_repeated_headers_stay_repeated(wire: Wire) -> None:
    def twice(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
        handler.send_response(200)
        handler.send_header("X-A", "1")
        handler.send_header("X-A", "2")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    wire.answer = twice
    reply = Requestor(wire.url).send("GET", f"{wire.url}/", headers=[], limits=Limits())
    assert [value for name, value in reply.headers if name == "X-A"] == ["1", "2"]


def test_connections_are_kept_and_shared_by_threads(wire: Wire) -> None:
    ports: set[int] = set()

    def note(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        ports.add(handler.client_address[1])
        say(200, {})(handler, seen)

    wire.answer = note
    requestor = Requestor(wire.url)
    for _ in range(10):
        requestor.ask("GET", ME, token=TOKEN)
    assert len(ports) == 1


@pytest.mark.parametrize("fault", [reset, say(500, raw=TEXT.encode()), say(403, {"message": TEXT}), say(200, raw=b"x")])
def test_no_token_shows_in_an_error_or_a_log(wire: Wire, fault: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire.answer = fault  # type: ignore[assignment]
    with pytest.raises(FusebitError) as caught:
        ask(wire, query={"subject": "local|1"})
    chain: BaseException | None = caught.value
    told = [caplog.text]
    while chain is not None:
        told += [str(chain), repr(chain), repr(chain.args), repr(vars(chain))]
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    frames = caught.value.__traceback__
    while frames is not None and "/tests/" in frames.tb_frame.f_code.co_filename:  # these hold the server's side
        frames = frames.tb_next
    assert frames is not None
    told.append(ExceptionReporter(None, type(caught.value), caught.value, frames).get_traceback_html())
    assert "fusebit_bridge/" in told[-1]
    assert not any(TEXT[start : start + 20] in text for text in told for start in range(len(TEXT) - 20))
    assert client_module.logger.name in caplog.text or isinstance(caught.value, Unreachable)
