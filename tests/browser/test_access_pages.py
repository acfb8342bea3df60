"""Members, invitations, tokens, secrets and the audit trail in their empty, filled and error states."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tenants.models import ApiToken, FusebitUser, Membership, Role, State
from tenants.services import call_tokens, configuration, members, tokens
from tests.browser.conftest import look
from tests.cast import Cast
from tests.pages.conftest import go_live

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def at(cast: Cast, path: str) -> str:
    """A path in Ada's workspace."""
    return f"/t/{cast.tenant.slug}/{path}"


def test_members_are_invited_by_a_link_that_is_shown_once(cast: Cast, signed_in: Open) -> None:
    members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada, label="Frank, who audits us")
    page = signed_in(cast.ada, at(cast, "members/"))
    look(page, "members")

    page.get_by_label("For whom").fill("Grace")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("heading", name="Send this link to Grace")).to_be_visible()
    look(page, "members-invited")
    link = page.get_by_role("region", name="Invitation link").inner_text()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text(link)).to_have_count(0)

    page.get_by_label("Name", exact=True).fill("  ")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("Give the workspace a name.")).to_be_visible()
    look(page, "members-error")


def test_members_as_a_viewer_sees_them(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ben, at(cast, "members/"))

    expect(page.get_by_role("button", name="Make a link")).to_have_count(0)
    look(page, "members-viewer")


def test_joining_and_leaving(cast: Cast, signed_in: Open) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.DEVELOPER, actor=cast.ada)
    page = signed_in(cast.cy, f"/join/{secret}/")
    expect(page.get_by_role("heading", name="Join Ada's workspace")).to_be_visible()
    look(page, "join")

    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Welcome to Ada's workspace.")).to_be_visible()
    page.locator(".workspace-menu summary").click()
    expect(page.get_by_role("link", name="Cy's workspace")).to_be_visible()
    look(page, "workspace-menu")

    page.goto(f"/join/{secret}/")
    expect(page.get_by_role("heading", name="This invitation does not work")).to_be_visible()
    look(page, "join-gone")

    page.goto(at(cast, "members/"))
    page.get_by_role("link", name="Leave…").click()
    look(page, "member-remove")
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/setup/")
    assert not Membership.objects.filter(tenant=cast.tenant, user=cast.cy).exists()


def test_the_last_owner_is_told_why_they_cannot_leave(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ada, at(cast, "members/"))
    page.get_by_role("link", name="Leave…").click()
    page.get_by_role("button", name="Leave").click()

    expect(page.get_by_role("alert")).to_contain_text("A workspace needs an owner")
    look(page, "member-remove-error")


def test_the_workspace_is_handed_over(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ada, at(cast, "members/"))
    page.get_by_role("link", name="Make owner in your place: Dee").click()
    look(page, "member-transfer")
    page.get_by_role("button", name="Hand over").click()

    expect(page.get_by_text("Dee is the owner now")).to_be_visible()
    assert cast.tenant.memberships.get(user=cast.dee).role == Role.OWNER


def test_a_member_already_is_told_so(cast: Cast, signed_in: Open) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.OWNER, actor=cast.ada)

    page = signed_in(cast.ben, f"/join/{secret}/")

    expect(page.get_by_role("heading", name="You are a member already")).to_be_visible()
    look(page, "join-already")


def test_api_tokens_are_made_shown_once_and_revoked(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ada, at(cast, "tokens/"))
    look(page, "tokens-empty")
    page.get_by_role("button", name="Make a token").click()
    page.get_by_label("What it is for").fill("CI pipeline")
    page.get_by_label("May").select_option("read")
    page.get_by_role("button", name="Make a token").click()

    token = page.get_by_role("region", name="The token").inner_text()
    look(page, "tokens-made")
    row = tokens.find(token)
    assert row is not None
    assert row.scope == "read"
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text(token)).to_have_count(0)
    look(page, "tokens")
    page.get_by_role("button", name="Revoke CI pipeline").click()
    expect(page.get_by_text("CI pipeline was revoked")).to_be_visible()
    assert tokens.find(token) is None


def test_too_many_api_tokens_is_said_at_the_field(cast: Cast, signed_in: Open) -> None:
    ApiToken.objects.bulk_create(
        ApiToken(user=cast.ada, tenant=cast.cy.tenants.get(), name="old", digest=str(number), hint="fbt_")
        for number in range(tokens.ALIVE_AT_MOST)
    )
    page = signed_in(cast.ada, at(cast, "tokens/"))
    page.get_by_label("What it is for").fill("One more")
    page.get_by_role("button", name="Make a token").click()

    expect(page.get_by_text("You have 200 tokens already")).to_be_visible()
    look(page, "tokens-error")


def test_configuration_and_secrets_wait_until_they_are_applied(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ada, at(cast, "functions/hello/secrets/"))
    look(page, "secrets-empty")

    page.get_by_role("textbox", name="Name").fill("NODE_OPTIONS")
    page.get_by_role("textbox", name="Value").fill("--inspect")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("NODE_OPTIONS is reserved")).to_be_visible()
    look(page, "secrets-error")

    page.get_by_role("textbox", name="Name").fill("STRIPE_KEY")
    page.get_by_role("textbox", name="Value").fill("sk_live_51HxQ2eZvKYlo2C")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Running v1 configuration, v2 pending.")).to_be_visible()
    configuration.patch(
        function=cast.hello, author=cast.dee, plain={"GREETING": "Good morning", "BASE_URL": "https://example.com/" * 9}
    )
    page.reload()
    expect(page.get_by_text("v3 pending")).to_be_visible()
    assert "sk_live" not in page.content()
    look(page, "secrets")

    page.get_by_role("link", name="Apply v3…").click()
    expect(page.get_by_role("heading", name="Deploy v3")).to_be_visible()
    assert "sk_live" not in page.content()
    page.go_back()
    page.get_by_role("button", name="Remove STRIPE_KEY").click()
    expect(page.get_by_text("STRIPE_KEY is removed with the next deployment.")).to_be_visible()


def test_secrets_as_a_viewer_sees_them(cast: Cast, signed_in: Open) -> None:
    configuration.patch(function=cast.hello, author=cast.ada, secret={"STRIPE_KEY": "sk_live_51HxQ2eZvKYlo2C"})

    page = signed_in(cast.ben, at(cast, "functions/hello/secrets/"))

    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    look(page, "secrets-viewer")


@pytest.fixture
def can_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge that is set up, as far as signing a token goes."""
    monkeypatch.setattr("fusebit_bridge.door.tenant_issuer_id", lambda: "onboarding-1")
    monkeypatch.setattr("fusebit_bridge.door.call_token", lambda *_a, **_k: "eyJhbGciOiJSUzI1NiJ9." + "a1B2c3" * 60)


def test_call_tokens_begin_to_work_and_are_revoked(cast: Cast, signed_in: Open, can_sign: None) -> None:
    page = signed_in(cast.ada, at(cast, "functions/hello/tokens/"))
    look(page, "call-tokens-empty")
    page.get_by_label("Who calls with it").fill("The shop")
    page.get_by_role("button", name="Make a call token").click()
    expect(page.get_by_text("in a moment")).to_be_visible()
    look(page, "call-tokens-made")

    FusebitUser.objects.filter(user=None).update(state=State.READY, observed_gen=1, remote_user_id="usr-shop")
    expect(page.get_by_text("works", exact=True)).to_be_visible()
    page.get_by_role("link", name="Done").click()
    look(page, "call-tokens")
    page.get_by_role("button", name="Revoke The shop").click()
    expect(page.get_by_text("being revoked", exact=True)).to_be_visible()
    FusebitUser.objects.filter(user=None).update(state=State.DELETED, remote_user_id="")
    expect(page.get_by_role("heading", name="No call tokens")).to_be_visible()


def test_a_call_token_that_fusebit_would_not_take(cast: Cast, signed_in: Open, can_sign: None) -> None:
    call_tokens.mint(function=cast.hello, name="Shop", expires_at=timezone.now() + timedelta(days=9), actor=cast.ada)
    FusebitUser.objects.filter(user=None).update(
        state=State.BLOCKED, error_code="grant_refused", reference_id="ref-51aa"
    )

    page = signed_in(cast.ada, at(cast, "functions/hello/tokens/"))

    expect(page.get_by_text("needs an operator")).to_be_visible()
    look(page, "call-tokens-failed")


def test_without_a_connection_to_fusebit_a_call_token_is_refused_in_words(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.ada, at(cast, "functions/hello/tokens/"))
    page.get_by_label("Who calls with it").fill("The shop")
    page.get_by_role("button", name="Make a call token").click()

    expect(page.get_by_role("alert")).to_contain_text("The connection to Fusebit is not set up.")
    look(page, "call-tokens-error")


def test_the_audit_trail(cast: Cast, signed_in: Open) -> None:
    for number in range(52):
        configuration.patch(function=cast.hello, author=cast.dee, plain={f"NAME_{number}": "value"})
    go_live(cast.hello)
    page = signed_in(cast.ben, at(cast, "audit/"))
    expect(page.get_by_text("configuration.changed").first).to_be_visible()
    look(page, "audit")

    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    page.goto(at(cast, "audit/?before=1"))
    expect(page.get_by_text("Nothing here before this.")).to_be_visible()
    look(page, "audit-empty")
