"""Key sets are fetched within limits, from where the operator allows it and nowhere else (security JW-21, JW-22)."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from fusebit_platform import configuration, jwks
from fusebit_platform.jwks import Unavailable
from tests.embedded import KeyPair

KEY = KeyPair("known")
SET = json.dumps({"known": KEY.public_pem})


class Publisher(ThreadingHTTPServer):
    """Publishes a document, or whatever else it is told to do."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.content, self.status, self.headers = SET.encode(), 200, {"Content-Type": "application/json"}
        self.asked = 0
        self.answer_now = threading.Event()
        self.answer_now.set()


class Answer(BaseHTTPRequestHandler):
    """Answers for the publisher."""

    server: Publisher

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.answer_now.wait(30)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.answer_now.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def allowed(publisher):
    """The operator lists the publisher's origin."""
    before = configuration.current()
    configuration.replace(replace(before, jwks_http_origins=frozenset({publisher.origin, "http://inside.test"})))
    yield publisher
    configuration.replace(before)
    jwks.forget(f"{publisher.origin}/set")


def test_a_listed_loopback_origin_is_asked_and_another_one_is_not(allowed):
    assert set(jwks.parse(jwks.download(f"{allowed.origin}/set"))) == {"known"}
    for url in (
        allowed.origin.replace("127.0.0.1", "localhost"),
        allowed.origin.replace("http:", "https:"),
        allowed.origin.replace("http:", "ftp:"),
        f"http://known@127.0.0.1:{allowed.server_port}/",
        "http://127.0.0.1:99999/",
        "http:///set",
        "nonsense",
    ):
        with pytest.raises(Unavailable):
            jwks.download(url)
    assert allowed.asked == 1


def test_a_listed_name_that_leads_to_a_private_address_is_not_asked(allowed, monkeypatch):
    for address in ("10.0.0.1", "169.254.169.254", "192.168.1.1", "fd00::1", "8.8.8.8"):
        named = SimpleNamespace(SOCK_STREAM=1, getaddrinfo=lambda *_a, to=address, **_k: [(0, 0, 0, "", (to, 80))])
        monkeypatch.setattr(jwks, "socket", named)
        monkeypatch.setattr(jwks, "_read", lambda *_a: pytest.fail("it was asked"))
        with pytest.raises(Unavailable):
            jwks.download("http://inside.test/set")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"status": 302, "headers": {"Location": "/set"}}, "a redirect"),
        ({"status": 404}, "not there"),
        ({"headers": {"Content-Type": "text/html"}}, "no JSON"),
        ({"content": b"<html>"}, "no JSON either"),
        ({"content": b"[" * 60_000}, "too deep"),
        ({"content": b'"' + b"x" * 70_000 + b'"'}, "too long"),
    ],
)
def test_what_is_no_key_set_is_none(allowed, members, why):
    for name, value in members.items():
        setattr(allowed, name, value)
    with pytest.raises(Unavailable):
        jwks.download(f"{allowed.origin}/set")
    assert allowed.asked == 1, why


def test_a_publisher_that_does_not_answer_is_given_up(allowed, monkeypatch):
    monkeypatch.setattr(jwks, "TIMEOUT_S", 0.3)
    allowed.answer_now.clear()
    with pytest.raises(Unavailable):
        jwks.download(f"{allowed.origin}/set")


def test_keys_are_remembered_and_unknown_ones_are_looked_for_a_few_times_only(allowed):
    url = f"{allowed.origin}/set"
    for _time in range(20):
        assert jwks.find(url, "known") is not None
    assert allowed.asked == 1
    for number in range(50):
        assert jwks.find(url, f"unknown-{number}") is None
    assert 1 < allowed.asked <= 1 + jwks.RETRIES_AT_ONCE
    assert jwks.find(url, "known") is not None


def test_keys_outlive_a_publisher_that_is_away_but_not_for_ever(allowed, monkeypatch):
    url = f"{allowed.origin}/set"
    assert jwks.find(url, "known") is not None
    clock = time.monotonic()
    allowed.status = 500
    monkeypatch.setattr(jwks, "time", SimpleNamespace(monotonic=lambda: clock + jwks.LIFETIME_S + 1))
    assert jwks.find(url, "known") is not None
    monkeypatch.setattr(jwks, "time", SimpleNamespace(monotonic=lambda: clock + jwks.STALE_S + 1))
    assert jwks.find(url, "known") is None


def test_only_signing_keys_of_rsa_with_a_name_are_taken_from_a_set():
    numbers = KEY.private.public_key().public_numbers()

    def text(value: int) -> str:
        return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()

    good = {"kty": "RSA", "use": "sig", "kid": "a", "n": text(numbers.n).rstrip("="), "e": text(numbers.e).rstrip("=")}
    members = [good, {**good, "kid": "b", "use": "enc"}, {**good, "kid": "c", "kty": "oct"}, {**good, "kid": ""}, 7]
    members += [{**good, "kid": "d", "n": "!"}, {**good, "kid": "e", "alg": "HS256"}]
    assert set(jwks.parse({"keys": members})) == {"a", "e"}
    assert jwks.parse({"keys": []}) == {}
    for nonsense in ([], None, "x"):
        with pytest.raises(Unavailable):
            jwks.parse(nonsense)
