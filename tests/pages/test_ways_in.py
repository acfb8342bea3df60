"""Signing in leads to where the person left off, or to what is still being set up."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tenants.models import Deployment, FusebitUser, State, Tenant
from tenants.services import functions, starters
from tests.cast import Cast, founded, person
from tests.pages.conftest import SignedIn

HTMX = {"HX-Request": "true"}


@pytest.fixture
def cy(cast: Cast, signed_in: SignedIn) -> Client:
    """The browser of Cy, whose access is not there yet."""
    return signed_in(cast.cy)


def setup_of(user: User) -> str:
    """The path of the person's Setting up page."""
    return f"/t/{user.tenants.get().slug}/setup/"


def test_the_front_page_leads_to_setting_up_until_the_first_function_is_live(cy: Client, cast: Cast) -> None:
    assert cy.get("/").url == setup_of(cast.cy)


def test_the_front_page_leads_to_the_function_that_was_open_last(ada: Client, cast: Cast, home_of: str) -> None:
    functions.create(tenant=cast.tenant, name="zebra", starter=starters.blank(), author=cast.ada)
    ada.get(f"{home_of}functions/hello/")
    assert ada.get("/").url == f"{home_of}functions/hello/"

    ada.get(f"{home_of}functions/zebra/")

    assert ada.get("/").url == f"{home_of}functions/zebra/"


def test_a_new_sign_in_leads_to_the_function_that_was_saved_last(cast: Cast, signed_in: SignedIn, home_of: str) -> None:
    functions.create(tenant=cast.tenant, name="zebra", starter=starters.blank(), author=cast.ada)

    assert signed_in(cast.ada).get("/").url == f"{home_of}functions/zebra/"


def test_without_functions_the_front_page_leads_to_the_list(ada: Client, cast: Cast, home_of: str) -> None:
    cast.hello.deleted_at = timezone.now()
    cast.hello.save()

    assert ada.get("/").url == f"{home_of}functions/"


def test_a_later_failure_does_not_lead_back_to_setting_up(ada: Client, cast: Cast, home_of: str) -> None:
    trouble = {"error_code": "build_failed", "last_error": "Broken.", "next_attempt_at": timezone.now()}
    Deployment.objects.update(state=State.BLOCKED, **trouble)

    assert ada.get("/").url == f"{home_of}functions/hello/"


def test_a_sign_in_that_was_cut_off_gets_its_tenant_from_the_page(db: None, signed_in: SignedIn) -> None:
    grace = person("grace")

    answer = signed_in(grace).get("/")

    assert answer.url == setup_of(grace)
    assert Tenant.objects.filter(members=grace).count() == 1


def test_a_person_with_a_password_and_no_tenant_is_told_so(db: None, signed_in: SignedIn) -> None:
    nobody = User.objects.create(username="nobody")

    assert "There is no workspace for you here" in signed_in(nobody).get("/").content.decode()


def test_an_operator_is_led_to_the_admin(cast: Cast, signed_in: SignedIn) -> None:
    assert signed_in(cast.op).get("/").url == "/admin/"


def test_setting_up_names_the_steps_and_polls(cy: Client, cast: Cast) -> None:
    shown = cy.get(setup_of(cast.cy)).content.decode()

    assert all(label in shown for label in ("Account", "Access", "Boundary", "Starter function"))
    assert 'hx-trigger="every 1s' in shown
    assert 'http-equiv="refresh"' in shown  # without JavaScript


def test_polling_is_answered_only_when_something_changed(cy: Client, cast: Cast) -> None:
    page = setup_of(cast.cy)
    first = cy.get(page, headers=HTMX)
    assert 'id="steps"' in first.content.decode()

    seen = first.content.decode().split("?seen=")[1].split('"')[0]

    assert cy.get(page, {"seen": seen}, headers=HTMX).status_code == 204
    FusebitUser.objects.filter(user=cast.cy).update(state=State.BLOCKED, error_code="grants")
    assert cy.get(page, {"seen": seen}, headers=HTMX).status_code == 200


def test_when_all_is_done_polling_moves_the_browser_on(ada: Client, home_of: str) -> None:
    answer = ada.get(f"{home_of}setup/", headers=HTMX)

    assert answer.headers["HX-Redirect"] == "/"


def test_after_ten_seconds_the_page_lets_the_person_leave(cy: Client, cast: Cast) -> None:
    Tenant.objects.filter(members=cast.cy).update(created_at=timezone.now() - timedelta(seconds=11))

    assert "You can close this page" in cy.get(setup_of(cast.cy)).content.decode()


def test_a_failure_shows_its_reason_and_reference_and_can_be_tried_again(cy: Client, cast: Cast) -> None:
    FusebitUser.objects.filter(user=cast.cy).update(
        state=State.BLOCKED, error_code="grants", last_error="The client may not add users.", reference_id="ref-7"
    )
    shown = cy.get(setup_of(cast.cy)).content.decode()
    assert "The client may not add users." in shown
    assert "ref-7" in shown

    answer = cy.post(f"{setup_of(cast.cy)}retry/")

    assert answer.url == setup_of(cast.cy)
    assert FusebitUser.objects.due(timezone.now()).filter(user=cast.cy).exists()


def test_somebody_elses_setting_up_does_not_exist(cy: Client, home_of: str) -> None:
    assert cy.get(f"{home_of}setup/").status_code == 404
    assert founded(person("dora")).slug not in cy.get("/").url
