"""The page on which a person adds and removes ways to sign in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from social_django.models import UserSocialAuth

from tests.browser.conftest import look
from tests.cast import Cast

Open = Callable[..., Page]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_ways_to_sign_in(cast: Cast, signed_in: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    page = signed_in(cast.ada, "/account/")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    look(page, "account-unconfirmed")

    UserSocialAuth.objects.create(user=cast.ada, provider="github", uid="583231")
    monkeypatch.setattr("tenants.views.account.is_confirmed", lambda _request: True)
    page.reload()
    expect(page.get_by_role("heading", name="Add another")).to_be_visible()
    look(page, "account")

    page.get_by_role("button", name="Add Local sign-in").click()
    expect(page.get_by_role("heading", name="Add a way to sign in")).to_be_visible()
    look(page, "account-leave")


def test_an_operator_without_a_provider_is_told_so(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.op, "/account/")
    expect(page.get_by_text("came through no provider")).to_be_visible()
    look(page, "account-password")
