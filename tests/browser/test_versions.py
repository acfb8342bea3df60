"""Versions as a person meets them: two people saving, comparing, going back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tenants.services import functions
from tests.browser.conftest import Watch, interactive, look
from tests.cast import Cast

pytestmark = pytest.mark.browser
SignedIn = Callable[..., Page]
FAR = "".join(f"// line {number}\n" for number in range(12))
BASE = f"// one\n{FAR}// four\n{FAR}module.exports = async (ctx) => ({{ body: 'base' }});\n"


@pytest.fixture
def hello(cast: Cast) -> str:
    """The path of Ada's function, whose latest version is v2."""
    functions.save(
        function=cast.hello, change=functions.Change(files={"index.js": BASE}), base_version=1, author=cast.ada
    )
    return f"/t/{cast.tenant.slug}/functions/hello/"


def test_two_edits_are_merged_and_saved_as_the_next_version(
    cast: Cast, hello: str, signed_in: SignedIn, watch: Watch
) -> None:
    page = signed_in(cast.ada, hello)
    interactive(page)
    theirs = {"index.js": BASE.replace("one", "ONE by Cy").replace("'base'", "'theirs'"), "lib/cy.js": "1;\n"}
    functions.save(function=cast.hello, change=functions.Change(files=theirs), base_version=2, author=cast.cy)
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(BASE.replace("four", "FOUR by Ada").replace("'base'", "'mine'"))

    page.get_by_role("button", name="Save only").click()
    expect(page.locator("#state")).to_have_text("Conflict")
    expect(page.get_by_text("you both changed the same lines")).to_be_visible()
    look(page, "conflict")
    page.get_by_role("button", name="Merge…").click()
    expect(page.locator("code-merge .cm-merge-a")).to_contain_text("'theirs'")
    expect(page.locator("code-merge .cm-merge-b")).to_contain_text("FOUR by Ada")
    look(page, "conflict-merge")
    page.get_by_label("On the left").select_option("base")
    expect(page.locator("code-merge .cm-merge-a")).to_contain_text("'base'")
    page.get_by_label("On the left").select_option("theirs")
    page.get_by_role("button", name="Take this part from the left").last.click()
    page.get_by_role("button", name="Use what is on the right").click()

    expect(page.locator("#state")).to_have_text("Draft")
    page.get_by_role("button", name="Save only").click()
    expect(page.locator("#state")).to_have_text("Saved v4 · Live v1")
    saved = cast.hello.latest.files
    assert set(saved) == {"index.js", "lib/cy.js"}
    assert "ONE by Cy" in saved["index.js"]
    assert "FOUR by Ada" in saved["index.js"]
    assert "'theirs'" in saved["index.js"]
    watch.assert_quiet(but=(412,))


def test_the_pages_of_versions_look_right(cast: Cast, hello: str, signed_in: SignedIn, watch: Watch) -> None:
    change = functions.Change(
        files={"index.js": BASE.replace("base", "changed")},
        message="Greet people by name",
        configuration={"GREETING": "Hi"},
        schedule={"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
        security={},
    )
    functions.save(function=cast.hello, change=change, base_version=2, author=cast.ada)
    page = signed_in(cast.ada, f"{hello}versions/")
    expect(page.get_by_text("Fusebit could not be asked")).to_be_visible()
    look(page, "versions")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="From v2 to v3")).to_be_visible()
    look(page, "versions-compared")
    page.get_by_role("link", name="Deploy v3…").click()
    expect(page.get_by_role("heading", name="Deploy v3")).to_be_visible()
    look(page, "versions-deploy")
    page.goto(f"{hello}versions/3/")
    look(page, "versions-one")
    page.goto(f"{hello}compare/?old=1&new=live")
    look(page, "versions-unknown")
    watch.assert_quiet()
