"""Every token is one of the templates: exact audience, short life, least permission."""

import time

import jwt
import pytest

from fusebit_bridge import tokens
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.permissions import CLAIM, Statement
from fusebit_bridge.resources import Account
from fusebit_bridge.tokens import KeySource
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION

account = Account.of(ACCOUNT)
subscription = account.subscription(SUBSCRIPTION)
boundary = subscription.boundary("b-1")
function = boundary.function("hello")
grant = Statement("function:*", boundary.resource)


@pytest.fixture
def source(key: PrivateKey) -> KeySource:
    return KeySource(key, issuer_id="onboarding-1", subject="local|1", audience="http://localhost:3001")


def claims(token: tokens.Token, key: PrivateKey) -> dict[str, object]:
    return jwt.decode(token.text, key.public_pem, algorithms=["RS256"], audience="http://localhost:3001")


def test_a_token_has_every_claim_and_nobodys_name(source: KeySource, key: PrivateKey) -> None:
    token = tokens.execute(source, function)
    read = claims(token, key)
    assert set(read) == {"iss", "sub", "aud", "iat", "exp", "jti", CLAIM}
    assert (read["iss"], read["sub"], read["aud"]) == ("onboarding-1", "local|1", "http://localhost:3001")
    header = jwt.get_unverified_header(token.text)
    assert (header["alg"], header["kid"], header["typ"]) == ("RS256", key.key_id, "JWT")
    assert isinstance(read["iat"], int)
    assert isinstance(read["exp"], int)


@pytest.mark.parametrize(
    ("make", "life", "allowed"),
    [
        (lambda s: tokens.ask_me(s), 60, []),
        (
            lambda s: tokens.provision(s, account, subscription, "add", [grant]),
            60,
            [("function:*", boundary.resource), ("user:add", f"/account/{ACCOUNT}/user/")],
        ),
        (
            lambda s: tokens.keep_issuer(s, account.issuer("https://x/"), "update"),
            60,
            [("issuer:update", f"/account/{ACCOUNT}/issuer/https%3A%2F%2Fx%2F/")],
        ),
        (lambda s: tokens.read(s, boundary), 120, [("function:get", boundary.resource)]),
        (lambda s: tokens.put(s, function), 60, [("function:put", function.resource)]),
        (lambda s: tokens.delete(s, function), 60, [("function:delete", function.resource)]),
        (lambda s: tokens.execute(s, function), 60, [("function:execute", function.resource)]),
        (lambda s: tokens.read_log(s, function), 60, [("function:get-log", function.resource)]),
    ],
)
def test_each_template_allows_exactly_its_purpose(make, life, allowed, source, key) -> None:  # type: ignore[no-untyped-def]
    token = make(source)
    read = claims(token, key)
    assert read["exp"] - read["iat"] == life  # type: ignore[operator]
    assert read[CLAIM] == {"allow": [{"action": action, "resource": resource} for action, resource in allowed]}
    assert [(statement.action, statement.resource) for statement in token.permissions] == allowed


def test_a_person_in_very_many_boundaries_still_gets_a_token_that_fits_in_a_header(source: KeySource) -> None:
    many = [Statement("function:get", subscription.boundary(f"b-{n}").resource) for n in range(500)]
    assert len(tokens.provision(source, account, subscription, "update", many).text) < 8192


def test_reading_and_calling_tokens_are_kept_and_writing_ones_are_not(source: KeySource) -> None:
    assert tokens.read(source, boundary) is tokens.read(source, boundary)
    assert tokens.execute(source, function) is tokens.execute(source, function)
    assert tokens.put(source, function).text != tokens.put(source, function).text


def test_a_kept_token_is_replaced_after_half_of_its_life(source: KeySource, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tokens.execute(source, function)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 29)
    assert tokens.execute(source, function) is first
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    assert tokens.execute(source, function) is not first


def test_no_person_is_given_the_kept_token_of_another(source: KeySource, key: PrivateKey) -> None:
    cy = KeySource(key, issuer_id="onboarding-1", subject="local|3", audience="http://localhost:3001")
    assert claims(tokens.execute(source, function), key)["sub"] == "local|1"
    assert claims(tokens.execute(cy, function), key)["sub"] == "local|3"


def test_no_token_is_kept_from_a_key_that_was_replaced(source: KeySource, other_pem: str) -> None:
    first = tokens.execute(source, function)
    new = PrivateKey(other_pem, key_id="5e6f7a8b", algorithm="RS256")
    again = KeySource(new, issuer_id="onboarding-1", subject="local|1", audience="http://localhost:3001")
    assert tokens.execute(again, function).text != first.text


def test_the_kept_tokens_are_bounded(source: KeySource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "KEPT_AT_MOST", 3)
    first = tokens.read(source, subscription.boundary("b-0"))
    for n in range(1, 5):
        tokens.read(source, subscription.boundary(f"b-{n}"))
    assert tokens.read(source, subscription.boundary("b-0")) is not first


def test_a_token_and_its_source_show_nothing(source: KeySource) -> None:
    token = tokens.execute(source, function)
    assert token.text not in repr(token)
    assert "eyJ" not in repr(source)
