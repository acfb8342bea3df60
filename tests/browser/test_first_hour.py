"""docs/first-hour.md, walked: what it says a person sees is what they see."""

import re
import shlex
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Stack, Watch
from tests.browser.test_whole_product import PATIENCE_MS, in_editor, run, save, write

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("stack")]
CODE = "module.exports = async (ctx) => {\n  console.log(ctx.configuration.API_KEY);\n  return { body: 1 };\n};\n"


def open_page(page: Page, name: str) -> None:
    """Choose a page of the function in the row beside its name."""
    page.locator(".function-nav").get_by_role("link", name=name, exact=True).click()


def test_the_steps_of_the_first_hour_are_true(
    stack: Stack, open_context: Callable[..., BrowserContext], watch: Watch
) -> None:
    page = open_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    stack.sign_in(page, "grace")
    in_editor(page)
    page.get_by_role("link", name="Functions", exact=True).last.click()
    page.get_by_label("Name", exact=True).fill("first-hour")
    page.get_by_role("button", name="Create function").click()
    in_editor(page)
    run(page, 200)
    page.get_by_label("Query").fill("name=Ada")
    run(page, 200)
    expect(page.locator("#body .line[data-kind=added]")).to_contain_text("Ada")

    page.get_by_placeholder("What changed").fill("Greet in the plural")  # 5
    write(page, "module.exports = async (ctx) => ({ body: { greetings: ctx.query.name } });\n")
    expect(page.locator("#state")).to_have_text("Draft")
    save(page, 2)
    page.keyboard.press("Control+End")  # 6
    page.keyboard.insert_text("const x = ;\n")
    expect(page.get_by_role("button", name="1 problem")).to_be_visible()
    write(page, "module.exports = async (ctx) => {\n  throw new Error('no luck');\n};\n")  # 7
    save(page, 3)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The function failed.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Open index.js at line 2")).to_be_visible()

    page.get_by_role("tab", name="Versions").click()  # 8
    expect(page.get_by_text("Greet in the plural")).to_be_visible()
    expect(page.get_by_text("Fusebit confirms: v3 is what answers.")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Roll back to v2").click()
    page.get_by_role("button", name="Roll back to v2").click()
    expect(page.locator("#state")).to_have_text("Saved v3 · Live v2", timeout=PATIENCE_MS)

    page.get_by_role("button", name="curl").click()  # 10
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert copied[0] == "curl"
    seen = subprocess.run([*copied, "-s", "-o", "/dev/null", "-w", "%{http_code}"], capture_output=True, text=True)
    assert seen.stdout == "403"
    open_page(page, "Runs")  # 11
    page.get_by_role("link", name=re.compile("403")).first.click()
    expect(page.get_by_text("This is down to the caller.")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name=re.compile("no luck")).first.click()  # 12
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Sent again; this is the new call, on v2.")).to_be_visible(timeout=PATIENCE_MS)

    page.get_by_role("link", name="first-hour").click()  # 15
    open_page(page, "Configuration")
    page.get_by_label("Name", exact=True).fill("API_KEY")
    page.get_by_role("radio", name="Secret").check()
    page.get_by_label("Value", exact=True).fill("very-private")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("API_KEY is saved.")).to_be_visible()
    open_page(page, "Code")
    in_editor(page)
    write(page, CODE)
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_have_text("Live v5", timeout=PATIENCE_MS)
    tail = page.context.new_page()
    tail.goto(f"{page.url}logs/")
    expect(tail.locator("[data-tail-state]")).to_have_text("Connected", timeout=PATIENCE_MS)
    run(page, 200)
    expect(tail.locator("[data-tail-lines]")).to_contain_text("•••(API_KEY)")
    assert "very-private" not in tail.content()
    watch.assert_quiet()
