"""Signing in through a real OpenID Connect provider, and everything that can go wrong on the way."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
import requests
from django.contrib.auth.models import User
from social_django.models import UserSocialAuth

from tenants.models import FusebitUser, Tenant
from tests import processes
from tests.onboarding.conftest import Visitor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
REFERENCE = re.compile(r"Reference: [0-9a-f]{12}")


def test_the_authorization_request_has_pkce_state_and_nonce(visitor: Visitor) -> None:
    query = parse_qs(urlsplit(visitor.begin()).query)

    assert query["code_challenge_method"] == ["S256"]
    assert all(query[name][0] for name in ("code_challenge", "state", "nonce"))
    assert query["redirect_uri"] == [f"{visitor.site}/auth/complete/local/"]


def test_a_first_sign_in_makes_a_person_a_tenant_and_no_stored_tokens(visitor: Visitor) -> None:
    answer = visitor.sign_in("ada")

    social = UserSocialAuth.objects.get()
    assert answer.status_code == 302
    assert (social.provider, social.extra_data) == ("local", {})
    assert social.user.first_name == "Ada"
    assert Tenant.objects.get(members=social.user)
    assert FusebitUser.objects.get().subject == f"local|{social.uid}"
    assert not social.user.has_usable_password()


def test_a_second_sign_in_is_the_same_person(visitor: Visitor, live_server: object) -> None:
    visitor.sign_in("ada")
    Visitor(str(live_server), visitor.identity).sign_in("ada")

    assert User.objects.count() == Tenant.objects.count() == 1


def test_fifty_sign_ins_at_once_make_one_person_and_one_tenant(visitor: Visitor, live_server: object) -> None:
    visitor.authenticate(visitor.begin(), "grace")
    known = visitor.session.cookies["identity_session"]
    browsers = [Visitor(str(live_server), visitor.identity) for _ in range(50)]

    def prepared(browser: Visitor) -> tuple[Visitor, str]:
        browser.session.cookies.set("identity_session", known)
        return browser, browser.authenticate(browser.begin(), "grace")

    with ThreadPoolExecutor(8) as pool:
        callbacks = list(pool.map(prepared, browsers))
    with ThreadPoolExecutor(50) as pool:
        statuses = list(
            pool.map(lambda pair: pair[0].session.get(pair[1], timeout=60, allow_redirects=False), callbacks)
        )

    assert {answer.status_code for answer in statuses} == {302}
    assert {answer.headers["Location"] for answer in statuses} == {"/"}
    assert User.objects.count() == UserSocialAuth.objects.count() == 1
    assert Tenant.objects.count() == FusebitUser.objects.count() == 1


def test_the_button_is_a_form_and_a_link_is_refused(visitor: Visitor) -> None:
    assert visitor.get("/auth/login/local/").status_code == 405


def landed_on_sign_in(visitor: Visitor, answer: requests.Response) -> str:
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login/"
    page = visitor.get("/login/").text
    assert REFERENCE.search(page)
    assert "Traceback" not in page
    assert not User.objects.exists()
    return page


def with_query(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value})))


def test_a_refusal_by_the_provider_is_a_sentence_with_a_reference(visitor: Visitor) -> None:
    state = parse_qs(urlsplit(visitor.begin()).query)["state"][0]
    words = {"error": "access_denied", "error_description": "<script>alert(1)</script>", "state": state}

    page = landed_on_sign_in(visitor, visitor.get(f"/auth/complete/local/?{urlencode(words)}", allow_redirects=False))

    assert "cancelled" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("state", ["", "forged"])
def test_a_missing_or_forged_state_is_refused(visitor: Visitor, state: str) -> None:
    callback = visitor.authenticate(visitor.begin())

    landed_on_sign_in(
        visitor, visitor.session.get(with_query(callback, state=state), allow_redirects=False, timeout=20)
    )


def test_another_browsers_callback_is_refused(visitor: Visitor, live_server: object) -> None:
    callback = visitor.authenticate(visitor.begin())
    other = Visitor(str(live_server), visitor.identity)
    other.begin()

    landed_on_sign_in(other, other.session.get(callback, allow_redirects=False, timeout=20))


def test_another_browsers_code_in_my_own_flow_is_refused(visitor: Visitor, live_server: object) -> None:
    stolen = parse_qs(urlsplit(visitor.authenticate(visitor.begin())).query)["code"][0]
    other = Visitor(str(live_server), visitor.identity)
    mine = other.authenticate(other.begin(), "grace")

    landed_on_sign_in(other, other.session.get(with_query(mine, code=stolen), allow_redirects=False, timeout=20))


def test_a_replayed_code_signs_nobody_in_again(visitor: Visitor, live_server: object) -> None:
    callback = visitor.authenticate(visitor.begin())
    visitor.session.get(callback, allow_redirects=False, timeout=20)
    visitor.session.cookies.clear()

    answer = visitor.session.get(callback, allow_redirects=False, timeout=20)

    assert answer.headers["Location"] == "/login/"
    assert User.objects.count() == 1


def test_an_expired_state_is_refused(visitor: Visitor, settings: object) -> None:
    settings.SOCIAL_AUTH_LOCAL_STATE_LIFETIME = 1  # type: ignore[attr-defined]
    began = time.time()
    callback = visitor.authenticate(visitor.begin())
    processes.until(lambda: time.time() > began + 2, "the state growing old")

    landed_on_sign_in(visitor, visitor.session.get(callback, allow_redirects=False, timeout=20))


def test_an_address_that_somebody_has_already_makes_an_account_of_its_own(visitor: Visitor) -> None:
    op = User.objects.create(username="op", email="ada@example.com", is_staff=True, is_superuser=True)

    visitor.sign_in("ada")

    ada = UserSocialAuth.objects.get().user
    assert ada != op
    assert not ada.is_staff


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "http:evil.example",
        "///evil.example",
    ],
)
def test_next_never_leads_to_another_site(visitor: Visitor, target: str) -> None:
    location = visitor.sign_in("ada", target).headers["Location"]

    assert urlsplit(location).netloc == ""
    assert not location.startswith(("//", "/\\"))


def test_next_survives_the_way_through_the_provider(visitor: Visitor) -> None:
    assert visitor.sign_in("ada", "/t/somewhere/functions/").headers["Location"] == "/t/somewhere/functions/"


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    visitor.sign_in("ada")
    page = visitor.get("/login/", allow_redirects=False)
    token = visitor.session.cookies["onboarding_csrf"]

    visitor.session.post(
        f"{visitor.site}/logout/",
        {"csrfmiddlewaretoken": token},
        headers={"Referer": visitor.site},
        allow_redirects=False,
        timeout=20,
    )

    assert page.status_code == 302
    assert visitor.get("/", allow_redirects=False).headers["Location"].startswith("/login/")


def test_the_provider_refuses_a_code_without_its_verifier(identity_process: processes.Identity) -> None:
    authorize = {
        "client_id": "quickstart",
        "response_type": "code",
        "redirect_uri": "http://127.0.0.1:8000/auth/complete/local/",
        "scope": "openid",
        "state": "s",
    }
    visitor = Visitor("http://127.0.0.1:1", identity_process)

    callback = visitor.authenticate(f"{identity_process.url}/authorize/?{urlencode(authorize)}")

    assert "error=invalid_request" in callback
    assert "code=" not in callback.replace("code_challenge", "")


def test_a_wrong_password_at_the_provider_is_a_sentence(identity_process: processes.Identity) -> None:
    session = requests.Session()
    page = session.get(f"{identity_process.url}/login/", timeout=20).text
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
    form = {"csrfmiddlewaretoken": token, "username": "ada", "password": "wrong", "next": ""}

    answer = session.post(f"{identity_process.url}/login/", form, timeout=20)

    assert "do not belong together" in answer.text
