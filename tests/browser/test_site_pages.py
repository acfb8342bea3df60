"""Signing in, errors, operators and the API's page: looked at like every other page."""

import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from tenants.services import health
from tests.browser.conftest import Stack, Watch, look
from tests.cast import Cast

Contexts = Callable[..., BrowserContext]
Open = Callable[..., Page]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visitor(open_context: Contexts, live_server: LiveServer, settings: object) -> Page:
    """Somebody who is not signed in, at the sign-in page."""
    settings.SIGN_IN_BUTTONS = [{"name": "local", "title": "Local sign-in"}, {"name": "github", "title": "GitHub"}]  # type: ignore[attr-defined]
    page = open_context().new_page()
    page.goto(f"{live_server.url}/login/")
    return page


def test_the_sign_in_page(visitor: Page) -> None:
    expect(visitor.get_by_role("button", name="Continue with GitHub")).to_be_visible()
    look(visitor, "sign-in")


def test_the_sign_in_page_without_a_provider(visitor: Page, settings: object) -> None:
    settings.SIGN_IN_BUTTONS = []  # type: ignore[attr-defined]
    visitor.reload()
    look(visitor, "sign-in-empty")


def test_the_sign_in_page_after_a_failure(visitor: Page, live_server: LiveServer) -> None:
    visitor.goto(f"{live_server.url}/auth/complete/local/?state=forged&code=x")
    expect(visitor.get_by_text("Reference")).to_be_visible()
    look(visitor, "sign-in-error")


def test_a_link_in_place_of_the_button(visitor: Page, live_server: LiveServer, watch: Watch) -> None:
    visitor.goto(f"{live_server.url}/auth/login/local/")
    look(visitor, "not-allowed-method")
    watch.assert_quiet(but=(405,))
    watch.said.clear()


def test_a_form_from_a_page_that_was_open_for_too_long(visitor: Page) -> None:
    visitor.context.clear_cookies()
    visitor.get_by_role("button", name="Continue with Local sign-in").click()
    look(visitor, "old-form")


@pytest.mark.parametrize(("raised", "status"), [(RuntimeError("broken"), 500), (PermissionDenied(), 403)])
def test_what_breaks_or_is_forbidden(
    visitor: Page,
    live_server: LiveServer,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    status: int,
) -> None:
    def broken() -> dict[str, str]:
        raise raised

    monkeypatch.setattr(health, "checks", broken)
    visitor.goto(f"{live_server.url}/readyz")
    look(visitor, f"error-{status}")
    watch.assert_quiet(but=(status,))
    watch.said.clear()


def test_the_page_of_the_api(visitor: Page, live_server: LiveServer) -> None:
    visitor.goto(f"{live_server.url}/api/v1/docs/")
    expect(visitor.get_by_role("heading", name="REST API")).to_be_visible()
    look(visitor, "api")


def test_the_operators_pages(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.op, "/admin/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    look(page, "admin")
    page.get_by_role("link", name="Tenants", exact=True).first.click()
    look(page, "admin-tenants")
    page.get_by_role("link", name="Ada's workspace").click()
    expect(page.get_by_text(cast.tenant.boundary_id).first).to_be_visible()
    look(page, "admin-tenant")


@pytest.mark.gate  # long: some forty pages
def test_every_list_and_every_row_that_operators_see(cast: Cast, signed_in: Open) -> None:
    Group.objects.create(name="Support")
    page = signed_in(cast.op, "/admin/")
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        page.goto(reverse(f"admin:{name}_changelist"))
        look(page, f"admin-{model._meta.model_name}-list")
        row = model._default_manager.first()
        if row is not None:
            page.goto(reverse(f"admin:{name}_change", args=[row.pk]))
            look(page, f"admin-{model._meta.model_name}")


def test_the_operators_sign_in(visitor: Page, live_server: LiveServer) -> None:
    visitor.goto(f"{live_server.url}/admin/")
    look(visitor, "admin-sign-in")


@pytest.mark.processes
@pytest.mark.xdist_group("stack")
def test_the_local_providers_page(stack: Stack, open_context: Contexts) -> None:
    page = open_context().new_page()
    page.goto(stack.url)
    page.get_by_role("button", name="Continue with Local sign-in").click()
    look(page, "local-sign-in")
    page.locator("[name=username]").fill("ada")
    page.locator("[name=password]").fill("wrong")
    page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "local-sign-in-error")
