"""From the sign-in button to a function that runs, through every real part."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Stack, Watch, interactive, look

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("stack")]
Contexts = Callable[..., BrowserContext]
PATIENCE_MS = 30_000
NEW = "module.exports = async (ctx) => ({ body: { method: ctx.method, path: ctx.path, said: 'new' } });\n"
HTML = (
    "const headers = { 'content-type': 'text/html' };\n"
    "module.exports = async (ctx) => ({ headers, body: '<script>alert(1)</script>' });\n"
)


@pytest.fixture
def browser_page(open_context: Contexts) -> Page:
    """A page in a browser of its own."""
    return open_context().new_page()


def in_editor(page: Page) -> None:
    """Return when the editor is there and a version of its function answers."""
    page.wait_for_url(re.compile(r"/functions/[\w-]+/$"), timeout=PATIENCE_MS)
    interactive(page)
    expect(page.locator("#state")).to_have_text(re.compile("^(Live|Saved) v"), timeout=PATIENCE_MS)


def new_function(page: Page, name: str) -> None:
    """Create a function and wait until it is live."""
    page.get_by_role("link", name="Functions", exact=True).first.click()
    page.wait_for_url(re.compile(r"/functions/[\w-]+/$"))
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Functions").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Blank").check()
    page.get_by_role("button", name="Create function").click()
    in_editor(page)


def write(page: Page, code: str) -> None:
    """Replace what is in the editor, as by pasting."""
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def save(page: Page, version: int) -> None:
    """Save and wait until that version answers."""
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_have_text(f"Live v{version}", timeout=PATIENCE_MS)


def run(page: Page, status: int) -> None:
    """Run and wait for the answer."""
    interactive(page)  # before that nobody hears the keys
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-result-status]")).to_have_text(str(status), timeout=PATIENCE_MS)


def test_from_the_sign_in_button_to_the_first_run_in_ten_seconds(
    stack: Stack, browser_page: Page, watch: Watch
) -> None:
    began = time.monotonic()
    stack.sign_in(browser_page, "ada")
    in_editor(browser_page)
    run(browser_page, 200)
    took = time.monotonic() - began

    expect(browser_page.locator("#body")).to_contain_text("Ada")
    look(browser_page, "whole-first-run")
    watch.assert_quiet()
    assert took < 10, f"{took:.1f} s"


def test_edit_save_run_shows_what_changed(stack: Stack, browser_page: Page, watch: Watch) -> None:
    stack.sign_in(browser_page, "grace")
    in_editor(browser_page)
    new_function(browser_page, "edit-save-run")
    run(browser_page, 200)
    write(
        browser_page,
        "module.exports = async (ctx) => ({ body: { method: ctx.method, path: ctx.path, said: 'new' } });\n",
    )
    save(browser_page, 2)
    run(browser_page, 200)

    expect(browser_page.locator("#body .line[data-kind=added]")).to_contain_text('"said": "new"')
    expect(browser_page.locator("#runs li")).to_have_count(2)
    look(browser_page, "whole-edited")
    browser_page.get_by_role("tab", name="Versions").click()
    browser_page.get_by_role("link", name="Roll back to v1").click()
    expect(browser_page.get_by_role("heading", name="Roll back to v1")).to_be_visible()
    expect(browser_page.locator(".line[data-kind=removed]").filter(has_text="said")).to_be_visible()
    look(browser_page, "whole-roll-back-sheet")
    browser_page.get_by_role("button", name="Roll back to v1").click()
    expect(browser_page.locator("#state")).to_have_text("Saved v2 · Live v1", timeout=PATIENCE_MS)
    look(browser_page, "whole-rolled-back")
    watch.assert_quiet()


def test_a_function_that_fails_shows_its_error_and_html_is_only_text(
    stack: Stack, browser_page: Page, watch: Watch
) -> None:
    stack.sign_in(browser_page, "grace")
    in_editor(browser_page)
    new_function(browser_page, "failing")
    write(browser_page, "module.exports = async (ctx) => { throw new Error('no luck'); };\n")
    save(browser_page, 2)
    browser_page.keyboard.press("Control+Enter")
    expect(browser_page.get_by_text("The function failed.")).to_be_visible(timeout=PATIENCE_MS)
    expect(browser_page.locator("#body")).to_contain_text("no luck")
    browser_page.get_by_role("button", name="Open index.js at line 1").click()
    assert browser_page.evaluate("document.activeElement.matches('code-editor')")
    look(browser_page, "whole-failing")

    write(browser_page, HTML)
    save(browser_page, 3)
    run(browser_page, 200)
    expect(browser_page.locator("#body")).to_contain_text("<script>alert(1)</script>")
    assert browser_page.locator("#body script").count() == 0
    watch.assert_quiet()


def test_the_whole_way_with_the_keyboard_alone(stack: Stack, browser_page: Page, watch: Watch) -> None:
    page = browser_page
    page.goto(stack.url)
    press_until(page, "Continue with Local sign-in")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.startswith(stack.url))
    press_until(page, "username")
    page.keyboard.type("grace")
    press_until(page, "password")
    page.keyboard.type(stack.passwords["grace"])
    page.keyboard.press("Enter")
    in_editor(page)
    press_until(page, "code-editor")
    page.keyboard.press("Control+Home")
    page.keyboard.type("// typed\n")
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_have_text(re.compile(r"^Live v[2-9]"), timeout=PATIENCE_MS)
    run(page, 200)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    press_until(page, "Test")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel", name="Runs")).to_be_visible()
    watch.assert_quiet()


def press_until(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on what has `wanted` as its text, name or tag."""
    asked = "(e => [e.textContent.trim(), e.name, e.localName])(document.activeElement)"
    for _ in range(60):
        if wanted in page.evaluate(asked):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted}")


def test_without_javascript_a_person_signs_in_saves_and_runs(stack: Stack, open_context: Contexts) -> None:
    page = open_context(java_script_enabled=False).new_page()
    stack.sign_in(page, "grace")
    page.wait_for_url(re.compile(r"/functions/[\w-]+/$"), timeout=PATIENCE_MS)
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Functions").click()
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_role("button", name="Create function").click()
    area = page.get_by_label("Content of index.js")
    area.fill("module.exports = async (ctx) => ({ body: { plain: ctx.query.q } });\n")
    page.get_by_role("button", name=re.compile("^Save(?! only)")).click()
    page.get_by_label("Query").fill("q=yes")
    page.get_by_role("button", name="Run").click()

    expect(page.locator("#body")).to_contain_text('"plain": "yes"')
