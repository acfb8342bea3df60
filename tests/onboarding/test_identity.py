"""The local provider is strict, although it is only for one machine."""

import base64
import hashlib
import secrets
from html import unescape
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
import requests

from tests.onboarding.conftest import CLIENT_ID, CLIENT_SECRET, HIDDEN, Identity

CALLBACK = "http://127.0.0.1:4321/auth/complete/local/"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorize_url(identity: Identity, **parameters: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "s",
        "nonce": "n",
        **parameters,
    }
    return f"{identity.url}/authorize/?{urlencode({name: value for name, value in asked.items() if value})}"


def signed_in(identity: Identity) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{identity.url}/login/", timeout=20)
    form = {
        "csrfmiddlewaretoken": HIDDEN.search(page.text)[1],
        "username": "ada",
        "password": identity.passwords["ada"],
    }
    assert session.post(page.url, form, allow_redirects=False, timeout=20).status_code == 302
    return session


def code_for(identity: Identity, verifier: str) -> str:
    url = authorize_url(identity, code_challenge=challenge_of(verifier), code_challenge_method="S256")
    answer = signed_in(identity).get(url, allow_redirects=False, timeout=20)
    assert answer.headers["Location"].startswith(CALLBACK), answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def exchange(identity: Identity, code: str, **parameters: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **parameters}
    pair = (CLIENT_ID, CLIENT_SECRET)
    return requests.post(f"{identity.url}/token/", form, auth=pair, timeout=20)


def test_a_code_is_worth_tokens_to_whoever_knows_the_verifier_once(identity: Identity) -> None:
    verifier = secrets.token_urlsafe(48)
    code = code_for(identity, verifier)

    assert exchange(identity, code, code_verifier=verifier).status_code == 200
    assert exchange(identity, code, code_verifier=verifier).status_code == 400


@pytest.mark.parametrize("given", [{}, {"code_verifier": "another-" + "x" * 60}])
def test_a_missing_or_wrong_verifier_is_refused(identity: Identity, given: dict[str, str]) -> None:
    code = code_for(identity, secrets.token_urlsafe(48))

    answer = exchange(identity, code, **given)

    assert answer.status_code == 400
    assert "access_token" not in answer.text


@pytest.mark.parametrize(
    "parameters", [{}, {"code_challenge": "x" * 43, "code_challenge_method": "plain"}, {"code_challenge": "x" * 43}]
)
def test_a_request_without_an_s256_challenge_gets_no_code(identity: Identity, parameters: dict[str, str]) -> None:
    answer = signed_in(identity).get(authorize_url(identity, **parameters), allow_redirects=False, timeout=20)

    query = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    assert "code" not in query
    assert query["error"] == ["invalid_request"]


@pytest.mark.parametrize("uri", ["https://evil.example/", "http://127.0.0.1:1/elsewhere/", "http://localhost:8000/x"])
def test_nobody_is_sent_to_an_address_that_is_not_registered(identity: Identity, uri: str) -> None:
    url = authorize_url(identity, redirect_uri=uri, code_challenge="x" * 43, code_challenge_method="S256")

    answer = signed_in(identity).get(url, allow_redirects=False, timeout=20)

    assert answer.status_code == 400
    assert "This sign-in cannot go on" in answer.text


@pytest.mark.parametrize("path", ["applications/", "applications/register/", "register/", "introspect/", "admin/"])
def test_there_is_nothing_to_manage(identity: Identity, path: str) -> None:
    assert signed_in(identity).get(f"{identity.url}/{path}", timeout=20).status_code == 404


def test_discovery_names_the_issuer_and_s256_alone(identity: Identity) -> None:
    found = requests.get(f"{identity.url}/.well-known/openid-configuration", timeout=20).json()

    assert found["issuer"] == identity.url
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert "RS256" in found["id_token_signing_alg_values_supported"]


def test_a_wrong_password_is_one_sentence_and_scripts_are_forbidden(identity: Identity) -> None:
    session = requests.Session()
    page = session.get(f"{identity.url}/login/", timeout=20)
    form = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "username": "ada", "password": "wrong"}

    answer = session.post(page.url, form, timeout=20)

    assert "do not belong together" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_operator_is_not_one_of_its_people(identity: Identity) -> None:
    session = requests.Session()
    page = session.get(f"{identity.url}/login/", timeout=20)
    password = identity.passwords["ada"]  # the operator was given the same in people.json
    form = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "username": "operator", "password": password}

    assert "do not belong together" in session.post(page.url, form, timeout=20).text


def test_whoever_is_asked_to_sign_in_again_is_asked_for_the_password(identity: Identity) -> None:
    url = authorize_url(identity, prompt="login", code_challenge="x" * 43, code_challenge_method="S256")

    answer = signed_in(identity).get(url, allow_redirects=False, timeout=20)

    where = urljoin(url, unescape(answer.headers["Location"]))
    assert urlsplit(where).path == "/login/"
