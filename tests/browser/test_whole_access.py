"""Secrets, members and tokens through every real part: what the pages say is what Fusebit does."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Stack, Watch, look
from tests.browser.test_whole_product import PATIENCE_MS, in_editor, new_function, run, save, write
from tests.processes import ROOT, environment, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("stack")]
Contexts = Callable[..., BrowserContext]
SECRET = "sk_live_51HxQ2eZvKYlo2C"
CODE = """\
module.exports = async (ctx) => {
  console.log(`calling with ${ctx.configuration.STRIPE_KEY}`);
  return { body: { used: ctx.configuration.STRIPE_KEY } };
};
"""
# Who signs as Grace asks Fusebit itself to replace Ada's function; the last line is what came of it.
PUT_AS_VIEWER = """
from fusebit_bridge import door
from tenants.models import FusebitUser, Tenant
row = FusebitUser.objects.get(user__first_name="Grace")
session = door.tenant(row.subject, Tenant.objects.get(slug={slug!r}).boundary_id, row.issuer_id)
try:
    session.put_function("hello", {{"nodejs": {{"files": {{"index.js": "module.exports = async () => ({{}});"}}}}}})
    print("accepted")
except door.Refused:
    print("refused")
print(session.get_function("hello")["id"])
"""


def page_of(stack: Stack, open_context: Contexts, who: str) -> Page:
    """Somebody's own browser, in the editor of their function."""
    page = open_context().new_page()
    stack.sign_in(page, who)
    in_editor(page)
    return page


def test_a_secret_is_used_by_the_function_and_masked_for_people(
    stack: Stack, open_context: Contexts, watch: Watch
) -> None:
    page = page_of(stack, open_context, "grace")
    new_function(page, "secretive")
    write(page, CODE)
    save(page, 2)
    page.get_by_role("link", name="Configuration", exact=True).click()
    page.get_by_role("textbox", name="Name").fill("STRIPE_KEY")
    page.get_by_role("textbox", name="Value").fill(SECRET)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Running v2 configuration, v3 pending.")).to_be_visible()
    page.get_by_role("link", name="Apply v3…").click()
    page.get_by_role("button", name="Deploy v3").click()
    page.get_by_role("link", name="Code", exact=True).click()
    in_editor(page)
    expect(page.locator("#state")).to_have_text("Live v3", timeout=PATIENCE_MS)
    run(page, 200)
    expect(page.locator("#body")).to_contain_text("•••(STRIPE_KEY)")
    look(page, "whole-secret-masked")

    page.get_by_role("link", name="Logs", exact=True).click()
    expect(page.get_by_text("calling with •••(STRIPE_KEY)").first).to_be_visible(timeout=PATIENCE_MS)
    look(page, "whole-secret-in-logs")
    assert SECRET not in page.content()
    watch.assert_quiet()


def test_a_viewer_looks_on_and_is_refused_by_fusebit_itself(stack: Stack, open_context: Contexts, watch: Watch) -> None:
    ada, grace = page_of(stack, open_context, "ada"), page_of(stack, open_context, "grace")
    slug = urlsplit(ada.url).path.split("/")[2]
    ada.goto(f"{stack.url}/t/{slug}/members/")
    ada.get_by_label("Viewer").check()
    ada.get_by_role("button", name="Make a link").click()
    link = ada.get_by_role("region", name="Invitation link").inner_text()

    grace.goto(link)
    grace.get_by_role("button", name="Join").click()
    grace.get_by_role("link", name=re.compile("^hello")).click()
    in_editor(grace)
    expect(grace.locator("[data-save]")).to_have_count(0)
    until(lambda: "access pending" not in members_of(ada, stack, slug), "the viewer's access at Fusebit")
    run(grace, 200)

    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", PUT_AS_VIEWER.format(slug=slug)]
    said = subprocess.run(
        command, env=environment(stack.data_dir), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert said.stdout.splitlines()[-2:] == ["refused", "hello"]

    ada.get_by_role("link", name="Remove Grace").click()
    ada.get_by_role("button", name="Remove").click()
    expect(ada.get_by_text("is no longer a member.")).to_be_visible()
    assert grace.goto(f"{stack.url}/t/{slug}/functions/").status == 404  # type: ignore[union-attr]  # there is an answer
    watch.assert_quiet(but=(404,))


def members_of(page: Page, stack: Stack, slug: str) -> str:
    """The text of the members' page, asked for afresh."""
    page.goto(f"{stack.url}/t/{slug}/members/")
    return page.locator("main").inner_text()


def test_a_call_token_works_until_it_is_revoked(stack: Stack, open_context: Contexts, watch: Watch) -> None:
    page = page_of(stack, open_context, "grace")
    new_function(page, "called")
    page.get_by_role("link", name="Call tokens", exact=True).click()
    page.get_by_label("Who calls with it").fill("The shop")
    page.get_by_role("button", name="Make a call token").click()
    token = page.get_by_role("region", name="The token").inner_text()
    expect(page.get_by_text("works", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    curl = page.get_by_role("region", name="Call it with curl").inner_text()
    url = curl.split("'")[-2]
    look(page, "whole-call-token")

    def call() -> int:
        with requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as answer:
            return answer.status_code

    assert token in curl
    assert call() == 200
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Revoke The shop").click()
    expect(page.get_by_role("heading", name="No call tokens")).to_be_visible(timeout=PATIENCE_MS)
    assert call() == 403
    watch.assert_quiet()


def test_an_api_token_made_on_the_page_works_and_is_revoked_there(
    stack: Stack, open_context: Contexts, watch: Watch
) -> None:
    page = page_of(stack, open_context, "grace")
    page.locator(".workspace-menu summary").click()
    page.get_by_role("link", name="API tokens").click()
    page.get_by_label("What it is for").fill("CI")
    page.get_by_role("button", name="Make a token").click()
    token = page.get_by_role("region", name="The token").inner_text()

    def ask() -> tuple[int, str]:
        with requests.get(
            f"{stack.url}/api/v1/tenants/", headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as answer:
            return answer.status_code, json.dumps(answer.json())

    before = ask()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Revoke CI").click()
    expect(page.get_by_text("CI was revoked")).to_be_visible()

    assert before[0] == 200
    assert ask()[0] == 401
    watch.assert_quiet()
