"""A second identity is added by whoever is signed in, asked for it and confirmed that it is them, by nobody else."""

import time

import pytest
from django.contrib.auth.models import User
from social_django.models import UserSocialAuth

from tenants.models import AuditEvent, FusebitUser, State
from tests.onboarding.conftest import HIDDEN, Browser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def press(visitor: Browser, path: str) -> object:
    """Post a form of the account page."""
    token = HIDDEN.search(visitor.get("/account/").text)[1]  # type: ignore[index]
    url = visitor.site + path
    return visitor.session.post(url, {"csrfmiddlewaretoken": token}, timeout=20)


def link(visitor: Browser, name: str) -> object:
    """Ask for one more identity of the local provider, and sign in there as `name`."""
    asked = press(visitor, "/account/link/local/")
    assert "Sign in there as whoever" in asked.text  # type: ignore[attr-defined]
    token = HIDDEN.search(asked.text)[1]  # type: ignore[attr-defined,index]
    form = {"csrfmiddlewaretoken": token, "next": "/account/"}
    begun = visitor.session.post(f"{visitor.site}/auth/login/local/", form, allow_redirects=False, timeout=20)
    return visitor.session.get(visitor.authorize(begun.headers["Location"], name), timeout=20)


def test_a_second_identity_is_added_to_the_same_person_and_the_same_fusebit_user(visitor: Browser) -> None:
    visitor.sign_in("ada")
    generation = FusebitUser.objects.get().desired_gen

    page = link(visitor, "grace")

    assert page.url.endswith("/account/")  # type: ignore[attr-defined]
    assert "local|2" in page.text  # type: ignore[attr-defined]
    assert User.objects.count() == FusebitUser.objects.count() == 1
    assert [social.uid for social in UserSocialAuth.objects.order_by("pk")] == ["1", "2"]
    assert FusebitUser.objects.get().desired_gen == generation + 1
    assert AuditEvent.objects.filter(action="identity.linked", target="local|2").count() == 1


def test_whoever_was_added_signs_in_as_the_same_person(visitor: Browser, other_visitor: Browser) -> None:
    visitor.sign_in("ada")
    link(visitor, "grace")

    other_visitor.sign_in("grace")

    assert User.objects.count() == 1
    assert "local|1" in other_visitor.get("/account/").text


def test_without_asking_an_identity_is_not_added_to_whoever_is_signed_in(visitor: Browser) -> None:
    visitor.sign_in("ada")
    token = HIDDEN.search(visitor.get("/account/").text)[1]  # type: ignore[index]
    form = {"csrfmiddlewaretoken": token, "next": "/account/"}
    begun = visitor.session.post(f"{visitor.site}/auth/login/local/", form, allow_redirects=False, timeout=20)

    page = visitor.session.get(visitor.authorize(begun.headers["Location"], "grace"), timeout=20)

    assert "not one of this account" in page.text
    assert UserSocialAuth.objects.count() == 1


def test_an_identity_of_another_account_is_never_moved(visitor: Browser, other_visitor: Browser) -> None:
    other_visitor.sign_in("grace")
    visitor.sign_in("ada")

    page = link(visitor, "grace")

    assert "not one of this account" in page.text  # type: ignore[attr-defined]
    assert UserSocialAuth.objects.get(uid="2").user != UserSocialAuth.objects.get(uid="1").user


def test_a_sign_in_that_is_old_must_be_confirmed_first(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.sign_in("ada")
    real = time.time
    monkeypatch.setattr("tenants.views.account.time.time", lambda: real() + 601)

    page = visitor.get("/account/").text
    press(visitor, "/account/link/local/")
    press(visitor, f"/account/unlink/{UserSocialAuth.objects.get().pk}/")

    assert "Confirm that it is you" in page
    assert "Add another" not in page
    assert UserSocialAuth.objects.count() == 1


def test_the_first_identity_can_go_and_then_leads_to_an_account_of_its_own(
    visitor: Browser, other_visitor: Browser
) -> None:
    visitor.sign_in("ada")
    link(visitor, "grace")
    first = UserSocialAuth.objects.get(uid="1")
    person = first.user

    press(visitor, f"/account/unlink/{first.pk}/")
    kept = FusebitUser.objects.get(user=person)
    other_visitor.sign_in("ada")

    assert (kept.subject, kept.state) == ("local|2", State.PENDING)
    assert UserSocialAuth.objects.get(uid="1").user != person
    assert FusebitUser.objects.count() == 2
    assert AuditEvent.objects.filter(action="identity.unlinked", target="local|1").count() == 1


def test_the_last_identity_stays_and_a_stranger_s_does_not_exist(visitor: Browser, other_visitor: Browser) -> None:
    other_visitor.sign_in("grace")
    visitor.sign_in("ada")

    last = press(visitor, f"/account/unlink/{UserSocialAuth.objects.get(uid='1').pk}/")
    stranger = press(visitor, f"/account/unlink/{UserSocialAuth.objects.get(uid='2').pk}/")

    assert "the only way to sign in" in last.text  # type: ignore[attr-defined]
    assert stranger.status_code == 404  # type: ignore[attr-defined]
    assert UserSocialAuth.objects.count() == 2
