"""Signing in through the real provider, and everything that can go wrong on the way."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from social_django.models import UserSocialAuth

from tenants.models import FusebitUser, Tenant
from tests.onboarding.conftest import Browser, offer
from tests.processes import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
SESSION = import_module("django.contrib.sessions.backends.db").SessionStore


def stored_session(visitor: Browser) -> SESSION:
    return SESSION(visitor.session.cookies.get("onboarding_session"))


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def test_a_person_is_signed_in_as_the_provider_s_subject(visitor: Browser) -> None:
    answer = visitor.sign_in("ada")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"
    person = User.objects.get()
    assert FusebitUser.objects.get().subject == "local|1"
    assert (person.username, person.first_name, person.email) == ("local|1", "Ada", "ada@example.com")
    assert not person.has_usable_password()
    assert stored_session(visitor)["_auth_user_id"] == str(person.pk)


def test_nothing_that_the_provider_lets_us_do_is_kept(visitor: Browser) -> None:
    visitor.sign_in("ada")

    social = UserSocialAuth.objects.get()
    assert social.extra_data == {}
    assert not [name for name in stored_session(visitor).keys() if "token" in name]  # noqa: SIM118 (a session)


def test_the_session_s_id_changes_at_sign_in(visitor: Browser) -> None:
    visitor.begin()
    before = visitor.session.cookies.get("onboarding_session")
    visitor.sign_in("ada")

    assert visitor.session.cookies.get("onboarding_session") != before


def test_a_page_that_was_wanted_is_where_one_lands(visitor: Browser) -> None:
    assert visitor.sign_in("ada", "/t/somewhere/?a=1").headers["Location"] == "/t/somewhere/?a=1"


def test_the_provider_is_asked_with_pkce_nonce_and_state(visitor: Browser) -> None:
    asked = parse_qs(urlsplit(visitor.begin()).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert len(asked["nonce"][0]) >= 16
    assert len(asked["state"][0]) >= 16


def test_beginning_by_get_is_a_page_that_says_no(visitor: Browser) -> None:
    answer = visitor.get("/auth/login/local/")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "Reference" in answer.text


def test_an_unknown_provider_does_not_exist(visitor: Browser) -> None:
    assert visitor.get("/auth/complete/nowhere/").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"error": "access_denied", "error_description": "<script>alert(1)</script>"}, "cancelled"),
        ({"error": "server_error", "error_description": "<script>alert(1)</script>"}, "not available"),
        ({"code": "x"}, "not complete"),
        ({"code": "x", "state": "never-given-out"}, "another browser"),
        ({"code": "x", "state": "y" * 500}, "another browser"),
        ({}, "not complete"),
    ],
)
def test_a_bad_callback_is_a_sentence_with_a_reference_that_the_log_knows(
    visitor: Browser, caplog: pytest.LogCaptureFixture, parameters: dict[str, str], sentence: str
) -> None:
    visitor.begin()
    with caplog.at_level(logging.WARNING, "onboarding.middleware"):
        answer = visitor.get(f"/auth/complete/local/?{urlencode(parameters)}")

    notice = visitor.notice(answer)
    assert answer.status_code == 200
    assert urlsplit(answer.url).path == "/login/"
    assert sentence in notice
    assert "<script>" not in answer.text.replace('<script src="', "").replace('<script type="module"', "")
    reference = notice.rsplit("Reference: ", 1)[1]
    assert reference in caplog.text
    assert User.objects.count() == 0


def test_where_a_person_wanted_to_go_survives_a_failure(visitor: Browser) -> None:
    visitor.begin("/t/somewhere/")

    answer = visitor.get("/auth/complete/local/?error=access_denied")

    assert 'name="next" value="/t/somewhere/"' in answer.text


def test_a_sign_in_that_was_begun_too_long_ago_is_refused(visitor: Browser) -> None:
    callback = visitor.authorize(visitor.begin())
    session = stored_session(visitor)
    key = next(key for key in session.keys() if key.endswith(state_of(callback)))  # noqa: SIM118 (a session)
    session[key] = {**session[key], "timestamp": int(time.time()) - 3600}
    session.save()

    assert "too long ago" in visitor.notice(visitor.get(callback))
    assert User.objects.count() == 0


def test_another_browser_s_callback_signs_nobody_in(visitor: Browser, site: str) -> None:
    callback = visitor.authorize(visitor.begin())
    cy = Browser(site, visitor.identity)
    cy.begin()

    assert "another browser" in cy.notice(cy.get(callback))
    assert User.objects.count() == 0


def test_another_person_s_code_in_one_s_own_flow_is_refused(visitor: Browser, site: str) -> None:
    stolen = parse_qs(urlsplit(visitor.authorize(visitor.begin())).query)["code"][0]
    cy = Browser(site, visitor.identity)
    state = state_of(cy.begin())

    answer = cy.get(f"/auth/complete/local/?{urlencode({'code': stolen, 'state': state})}")

    assert "Please begin again" in cy.notice(answer)
    assert User.objects.count() == 0


def test_a_callback_works_once(visitor: Browser, site: str) -> None:
    callback = visitor.authorize(visitor.begin())
    cookies = visitor.session.cookies.copy()
    assert visitor.get(callback, allow_redirects=False).status_code == 302
    again = Browser(site, visitor.identity)
    again.session.cookies = cookies

    answer = again.get(callback)

    assert "Please begin again" in again.notice(answer)


ATTACKS = (
    *("//evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example", "https:evil.example"),
    *("javascript:alert(1)", "http://app@evil.example/", "https://127.0.0.1.evil.example/", "/\t/evil.example"),
    *("/x\r\nLocation: https://evil.example", " //evil.example", "/\x00", "http:///evil.example", "evil"),
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_next_leads_nowhere_else(visitor: Browser, attack: str) -> None:
    page = visitor.get("/login/", params={"next": attack})
    assert 'name="next" value=""' in page.text
    form = {"csrfmiddlewaretoken": page.text.split('csrfmiddlewaretoken" value="')[1].split('"')[0], "next": attack}
    visitor.session.post(f"{visitor.site}/auth/login/local/", form, allow_redirects=False, timeout=20)

    assert stored_session(visitor)["next"] == "/"
    state = next(key for key in stored_session(visitor).keys() if "_state_" in key)  # noqa: SIM118 (a session)
    refused = visitor.get(
        f"/auth/complete/local/?{urlencode({'state': state, 'next': attack, 'error': 'access_denied'})}",
        allow_redirects=False,
    )
    assert refused.headers["Location"] == "/login/"


def test_an_encoded_next_stays_on_this_site(visitor: Browser) -> None:
    assert visitor.sign_in("ada", "/%2f%2fevil.example").headers["Location"] == "/%2f%2fevil.example"


def test_an_address_never_opens_somebody_else_s_account(visitor: Browser) -> None:
    op = User.objects.create_superuser("operator", "ada@example.com", "x")
    UserSocialAuth.objects.create(user=op, provider="github", uid="1")

    visitor.sign_in("ada")

    ada = User.objects.exclude(pk=op.pk).get()
    assert not ada.is_staff
    assert stored_session(visitor)["_auth_user_id"] == str(ada.pk)


def test_an_account_that_is_closed_is_told_so(visitor: Browser, site: str) -> None:
    visitor.sign_in("ada")
    User.objects.update(is_active=False)

    later = Browser(site, visitor.identity)
    answer = later.get(later.authorize(later.begin()))

    assert "may not sign in" in later.notice(answer)
    assert visitor.get("/", allow_redirects=False).headers["Location"] == "/login/?next=/"


def test_a_browser_that_is_signed_in_does_not_become_two_people(visitor: Browser) -> None:
    waiting = visitor.begin()
    visitor.sign_in("ada")

    visitor.get(visitor.authorize(waiting, "grace"), allow_redirects=False)

    assert User.objects.count() == 1
    assert UserSocialAuth.objects.count() == 1
    session = stored_session(visitor)
    assert session["_auth_user_id"] == str(User.objects.get().pk)


def test_fifty_first_sign_ins_at_once_are_one_person_and_one_tenant(visitor: Browser) -> None:
    visitor.authorize(visitor.begin(), "grace")
    known = visitor.session.cookies["identity_session"]

    def prepared(_number: int) -> tuple[Browser, str]:
        one = Browser(visitor.site, visitor.identity)
        one.session.cookies.set("identity_session", known)
        at_once = one.begin().replace("prompt=login", "prompt=")
        return one, one.session.get(at_once, allow_redirects=False, timeout=60).headers["Location"]

    with ThreadPoolExecutor(8) as pool:
        ready = list(pool.map(prepared, range(50)))
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda pair: pair[0].get(pair[1], allow_redirects=False), ready))

    assert {answer.headers.get("Location") for answer in answers} == {"/"}
    assert User.objects.count() == UserSocialAuth.objects.count() == 1
    assert Tenant.objects.count() == FusebitUser.objects.count() == 1


def test_a_second_sign_in_is_the_same_person(visitor: Browser) -> None:
    visitor.sign_in("ada")
    Browser(visitor.site, visitor.identity).sign_in("ada")

    assert User.objects.count() == Tenant.objects.count() == 1


def test_a_provider_that_is_down_is_a_sentence(settings: object, visitor: Browser) -> None:
    offer(settings, f"http://127.0.0.1:{free_port()}")

    answer = visitor.session.get(visitor.begin(), timeout=20)

    assert "could not be reached" in visitor.notice(answer)


def test_signing_out_is_a_post_and_ends_the_session(visitor: Browser) -> None:
    visitor.sign_in("ada")
    token = visitor.session.cookies.get("onboarding_csrf")

    assert visitor.get("/logout/").status_code == 405
    answer = visitor.session.post(
        f"{visitor.site}/logout/", {"csrfmiddlewaretoken": token}, allow_redirects=False, timeout=20
    )

    assert answer.headers["Location"] == "/login/"
    assert visitor.get("/", allow_redirects=False).headers["Location"] == "/login/?next=/"


def test_without_a_provider_the_page_says_what_to_set(client: object, settings: object, db: None) -> None:
    settings.SIGN_IN_BUTTONS = []

    page = client.get("/login/").content.decode()

    assert "SOCIAL_AUTH_GITHUB_KEY" in page
    assert "docs/configuration.md" in page
