"""Calls and logs as a person meets them, on the whole product."""

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Stack, Watch, look
from tests.browser.test_whole_product import PATIENCE_MS, in_editor, new_function, run, save, write
from tests.browser.wire import Wire

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("stack")]
FAILING = "module.exports = async (ctx) => {\n  console.log('before');\n  throw new Error('no luck');\n};\n"
FIXED = "module.exports = async (ctx) => ({ body: { fixed: ctx.query.q } });\n"


@pytest.fixture
def page(stack: Stack, open_context: Callable[..., BrowserContext]) -> Page:
    """Grace's browser, in her editor."""
    page = open_context().new_page()
    stack.sign_in(page, "grace")
    in_editor(page)
    return page


def test_a_failed_call_is_found_explained_and_replayed_after_the_fix(page: Page, watch: Watch) -> None:
    new_function(page, "replayed")
    write(page, FAILING)
    save(page, 2)
    page.get_by_label("Query").fill("q=7")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The function failed.")).to_be_visible(timeout=PATIENCE_MS)
    location = page.locator("#address .url").inner_text()
    requests.get(f"{location}/orders", timeout=10)  # from outside, without a token
    page.get_by_role("navigation", name="replayed").get_by_role("link", name="Runs").click()
    expect(page.get_by_text("GET /orders")).to_be_visible(timeout=PATIENCE_MS)
    look(page, "runs")

    page.get_by_role("link", name=re.compile("no luck")).click()
    expect(page.get_by_role("heading", name="The function failed.")).to_be_visible()
    expect(page.locator(".printed")).to_contain_text("before", timeout=PATIENCE_MS)
    look(page, "run-failed")
    request, answer = page.locator(".two > section").evaluate_all("parts => parts.map((part) => part.clientWidth)")
    assert abs(request - answer) < 10
    page.get_by_role("link", name="Open index.js at line 3").click()
    in_editor(page)
    expect(page.locator("code-editor:focus")).to_be_visible()
    write(page, FIXED)
    page.get_by_role("button", name="Save only").click()
    expect(page.locator("#state")).to_have_text("Saved v3 · Live v2", timeout=PATIENCE_MS)
    page.get_by_role("navigation", name="replayed").get_by_role("link", name="Runs").click()
    page.get_by_label("Outcome").select_option("5xx")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name=re.compile("no luck")).first.click()
    page.get_by_label("Version to send it to").select_option("3")
    page.get_by_role("button", name="Replay").click()

    expect(page.get_by_text("Sent again; this is the new call, on v3.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("region", name="Body of the answer")).to_contain_text('"fixed": "7"')
    look(page, "run-replayed")
    watch.assert_quiet()


@pytest.fixture
def wire(stack: Stack) -> Iterator[Wire]:
    """Another way to the site, which can be cut."""
    made = Wire(urlsplit(stack.url).port or 80)
    yield made
    made.close()


def run_again(page: Page) -> None:
    """Run, and wait for the answer of this call."""
    with page.expect_response(re.compile(r"/run/$")) as answered:
        page.keyboard.press("Control+Enter")
    assert answered.value.status == 200


def test_lines_appear_as_they_are_printed_and_after_a_lost_connection(page: Page, wire: Wire, watch: Watch) -> None:
    new_function(page, "talking")
    write(page, "module.exports = async (ctx) => { console.log(`said ${ctx.query.n}`); return {}; };\n")
    save(page, 2)
    editor = page.url
    tail = page.context.new_page()
    tail.goto(f"{wire.url}{urlsplit(editor).path}logs/")
    expect(tail.locator("[data-tail-state]")).to_have_text("Connected", timeout=PATIENCE_MS)
    look(tail, "logs-empty")
    lines = tail.locator("[data-tail-lines]")

    page.get_by_label("Query").fill("n=1")
    run(page, 200)
    expect(lines).to_contain_text("said 1")
    tail.get_by_role("button", name="Pause").click()
    page.get_by_label("Query").fill("n=2")
    run(page, 200)
    tail.get_by_role("button", name=re.compile(r"Go on \(\d")).click()
    expect(lines).to_contain_text("said 2")
    tail.get_by_placeholder("Search").fill("said 2")
    expect(lines.locator(".printed-line:visible")).to_have_count(1)
    tail.get_by_placeholder("Search").fill("")
    look(tail, "logs")
    with tail.expect_download() as download:
        tail.get_by_role("button", name="Download").click()
    assert "said 1" in download.value.path().read_text()

    wire.cut()
    expect(tail.locator("[data-tail-state]")).to_have_text("Connecting again…", timeout=PATIENCE_MS)
    for number in (3, 4):
        page.get_by_label("Query").fill(f"n={number}")
        run_again(page)
    wire.mend()
    expect(tail.locator("[data-tail-state]")).to_have_text("Connected", timeout=PATIENCE_MS)
    page.get_by_label("Query").fill("n=5")
    began = time.monotonic()
    run_again(page)
    expect(lines).to_contain_text("said 5", timeout=PATIENCE_MS)
    print(f"Call and line in the open page: {(time.monotonic() - began) * 1000:.0f} ms")  # shown with -s
    said = [line for line in lines.locator(".printed-line > :nth-child(2)").all_inner_texts() if "said" in line]
    assert said == [f"said {number}" for number in range(1, 6)]
    tail.close()
    watch.said[:] = [text for text in watch.said if "net::ERR_" not in text]  # the cut itself
    watch.assert_quiet()
