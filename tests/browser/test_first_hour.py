"""docs/first-hour.md, walked from the first step to the last on a product of its own: what it says is what is seen."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tenants.services import starters
from tests.browser.conftest import Stack, Watch, interactive, product
from tests.browser.test_whole_access import PUT_AS_VIEWER, members_of
from tests.browser.test_whole_product import PATIENCE_MS, in_editor, run, save, write
from tests.processes import ROOT, environment, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.gate,  # long: a product of its own, twenty-one steps
    pytest.mark.xdist_group("first hour"),
]
Contexts = Callable[..., BrowserContext]
HELLO = starters.hello("Ada").files["index.js"]
GREETINGS = HELLO.replace("hello:", "greetings:")
FAILING = 'module.exports = async (ctx) => {\n  throw new Error("no luck");\n};\n'
PRINTING = "module.exports = async (ctx) => {\n  console.log(ctx.configuration.API_KEY);\n  return { body: 1 };\n};\n"
SPECIFICATION = {"id": "brought", "nodejs": {"files": {"index.js": HELLO}}, "schedule": {"cron": "0 9 * * *"}}
STEPS = set(map(int, re.findall(r"^(\d+)\. ", (ROOT / "docs" / "first-hour.md").read_text(), re.MULTILINE)))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """The product as in a fresh checkout: nobody has signed in."""
    with product(tmp_path) as running:
        yield running


def open_page(page: Page, name: str) -> None:
    """Choose a page of the function in the row beside its name."""
    page.locator(".function-nav").get_by_role("link", name=name, exact=True).click()


def answered(command: str) -> str:
    """Run a curl command as it was copied; return the status of the answer."""
    words = [*shlex.split(command), "-s", "-o", "/dev/null", "-w", "%{http_code}"]
    assert words[0] == "curl"
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_every_step_of_the_first_hour_is_true(
    fresh: Stack, open_context: Contexts, watch: Watch, tmp_path: Path
) -> None:
    page = open_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    it_runs(fresh, page)  # 1 to 3
    a_change_a_mistake_a_way_back(page)  # 4 to 9
    who_calls(page)  # 10 to 12
    logs(page)  # 13
    call_tokens(page)  # 14
    a_secret(page)  # 15
    a_schedule(page)  # 16
    a_viewer(fresh, open_context, page)  # 17
    a_template(page)  # 18
    imports(page, tmp_path)  # 19
    two_windows(page)  # 20
    help_(page)  # 21
    watch.assert_quiet(but=(403, 404, 412))  # Chromium itself asks Fusebit for an icon
    assert set(range(1, 22)) == STEPS


def it_runs(fresh: Stack, page: Page) -> None:
    for password in fresh.passwords.values():  # 1
        assert password in fresh.said
    assert f"Ready: {fresh.url}" in fresh.said.splitlines()[-1]
    setups: list[str] = []  # 2
    page.on("response", lambda answer: setups.append(answer.url) if answer.url.endswith("/setup/") else None)
    fresh.sign_in(page, "ada")
    in_editor(page)
    assert setups
    assert page.url.endswith("/functions/hello/")  # 3
    expect(page.locator("#state")).to_have_text("Live v1")
    run(page, 200)
    expect(page.locator("#body")).to_contain_text('"hello": "Ada"')


def a_change_a_mistake_a_way_back(page: Page) -> None:
    page.get_by_label("Query").fill("name=Grace")  # 4
    run(page, 200)
    expect(page.locator("#body .line[data-kind=added]")).to_contain_text("Grace")
    page.get_by_placeholder("What changed").fill("Greet in the plural")  # 5
    write(page, GREETINGS)
    expect(page.locator("#state")).to_have_text("Draft")
    save(page, 2)
    run(page, 200)
    expect(page.locator("#body .line[data-kind=added]")).to_contain_text("greetings")
    page.locator("[data-file]:not([hidden]) code-editor").click()  # 6
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("const x = ;\n")
    expect(page.get_by_role("button", name="1 problem")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="1 problem")).to_be_hidden()
    write(page, FAILING)  # 7
    save(page, 3)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The function failed.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-result-status]")).to_have_text("500")
    page.get_by_role("button", name="Open index.js at line 2").click()
    expect(page.locator("code-editor:focus")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()  # 8
    expect(page.get_by_text("Greet in the plural")).to_be_visible()
    expect(page.get_by_text("Fusebit confirms: v3 is what answers.")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Roll back to v2").click()
    expect(page.locator(".line[data-kind=removed]").filter(has_text="no luck")).to_be_visible()
    page.get_by_role("button", name="Roll back to v2").click()
    expect(page.locator("#state")).to_have_text("Saved v3 · Live v2", timeout=PATIENCE_MS)
    run(page, 200)
    expect(page.locator("#body")).to_contain_text("greetings")
    page.get_by_role("tab", name="Test").focus()  # 9
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator("code-editor:focus")).to_have_count(0)


def who_calls(page: Page) -> None:
    page.get_by_role("button", name="curl").click()  # 10
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert answered(page.evaluate("navigator.clipboard.readText()")) == "403"
    open_page(page, "Runs")  # 11
    page.get_by_role("link", name=re.compile("403")).first.click()
    expect(page.get_by_text("The call's token may not do this.")).to_be_visible()
    expect(page.get_by_text("This is down to the caller.")).to_be_visible()
    page.go_back()
    page.get_by_label("Outcome").select_option("5xx")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "status=5xx" in page.url
    expect(page.locator(".run-rows li")).to_have_count(1)
    page.get_by_role("link", name=re.compile("no luck")).first.click()  # 12
    expect(page.get_by_role("region", name="Body of the answer")).to_contain_text("no luck")
    expect(page.get_by_text("function:execute")).to_be_visible()
    page.get_by_label("Version to send it to").select_option(label="on v2 (live)")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Sent again; this is the new call, on v2.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".run-title .status")).to_have_text("200")
    page.get_by_role("link", name="hello").click()


def logs(page: Page) -> None:
    open_page(page, "Code")
    in_editor(page)
    tail = page.context.new_page()
    tail.goto(f"{page.url}logs/")
    expect(tail.locator("[data-tail-state]")).to_have_text("Connected", timeout=PATIENCE_MS)
    tail.get_by_role("button", name="Clear").click()
    page.get_by_label("Query").fill("name=Tail")
    run(page, 200)
    lines = tail.locator("[data-tail-lines]")
    expect(lines).to_contain_text("Greeting Tail", timeout=PATIENCE_MS)
    tail.get_by_role("button", name="Pause").click()
    tail.get_by_role("button", name="Go on").click()
    tail.get_by_placeholder("Search").fill("Greeting Tail")
    expect(lines.locator(".printed-line:visible")).to_have_count(1)
    tail.get_by_label("Level").select_option("error")
    expect(lines.locator(".printed-line:visible")).to_have_count(0)
    tail.get_by_label("Level").select_option("all")
    with tail.expect_download() as download:
        tail.get_by_role("button", name="Download").click()
    assert "Greeting Tail" in download.value.path().read_text()
    tail.close()


def call_tokens(page: Page) -> None:
    open_page(page, "Call tokens")
    page.get_by_label("Who calls with it").fill("The shop")
    page.get_by_role("button", name="Make a call token").click()
    curl = page.get_by_role("region", name="Call it with curl").inner_text()
    expect(page.get_by_text("works", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert answered(curl) == "200"
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Revoke The shop").click()
    expect(page.get_by_role("heading", name="No call tokens")).to_be_visible(timeout=PATIENCE_MS)
    assert answered(curl) == "403"


def a_secret(page: Page) -> None:
    open_page(page, "Configuration")
    page.get_by_label("Name", exact=True).fill("API_KEY")
    page.get_by_role("radio", name="Secret").check()
    page.get_by_label("Value", exact=True).fill("very-private")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("API_KEY is saved.")).to_be_visible()
    assert "very-private" not in page.content()
    open_page(page, "Code")
    in_editor(page)
    write(page, PRINTING)
    save(page, 5)
    run(page, 200)
    open_page(page, "Logs")
    expect(page.locator("[data-tail-lines]")).to_contain_text("•••(API_KEY)", timeout=PATIENCE_MS)
    assert "very-private" not in page.content()


def a_schedule(page: Page) -> None:
    open_page(page, "Settings")
    page.get_by_label("Cron expression").fill("0 9 * * 1-5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(page.locator("#next-runs time")).to_have_count(3)
    page.get_by_role("button", name="Save and make it live").click()
    expect(page.get_by_text("Saved as v6.")).to_be_visible()
    open_page(page, "Versions")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Runs by itself at 0 9 * * 1-5 (Europe/Berlin).")).to_be_visible()


def a_viewer(fresh: Stack, open_context: Contexts, page: Page) -> None:
    slug = urlsplit(page.url).path.split("/")[2]
    page.locator(".workspace-menu summary").click()
    page.get_by_role("link", name="Members").click()
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_role("region", name="Invitation link").inner_text()
    grace = open_context().new_page()
    fresh.sign_in(grace, "grace", at=link)
    grace.get_by_role("button", name="Join").click()
    grace.get_by_role("link", name=re.compile("^hello")).click()
    in_editor(grace)
    expect(grace.locator("[data-save]")).to_have_count(0)
    until(lambda: "access pending" not in members_of(page, fresh, slug), "the viewer's access at Fusebit")
    run(grace, 200)
    for name, verb in (("Settings", "Save and make it live"), ("Call tokens", "Make a call token")):
        open_page(grace, name)
        expect(grace.get_by_role("button", name=verb)).to_have_count(0)
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-c", PUT_AS_VIEWER.format(slug=slug)]
    own = environment(fresh.data_dir)
    said = subprocess.run(command, env=own, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.splitlines()[-2:] == ["refused", "hello"]


def a_template(page: Page) -> None:
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Functions").last.click()
    page.get_by_label("Name", exact=True).fill("shop-api")
    page.get_by_label("API with routes").check()
    page.get_by_role("button", name="Create function").click()
    in_editor(page)
    expect(page.get_by_text("router.js").first).to_be_visible()
    location = page.locator("#address .url").inner_text()
    visitor = page.context.new_page()
    assert visitor.goto(f"{location}/health").status == 200  # type: ignore[union-attr]  # there is an answer
    assert visitor.goto(location).status == 403  # type: ignore[union-attr]  # the same
    visitor.close()


def imports(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "lib").mkdir(parents=True)
    (folder / "index.js").write_text(HELLO)
    (folder / "lib" / "a.js").write_text("exports.a = 1;\n")
    for name in ("foldered", ""):
        page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Functions").last.click()
        page.get_by_role("link", name="Import…").click()
        page.get_by_label("Name", exact=True).fill(name)
        if name:
            page.get_by_label("Folder").set_input_files(folder)
        else:
            page.get_by_label("Or what Fusebit's API answers").fill(json.dumps(SPECIFICATION))
        page.get_by_role("button", name="Import", exact=True).click()
        in_editor(page)
        assert page.url.endswith(f"/functions/{name or 'brought'}/")


def two_windows(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    interactive(other)
    write(page, f"{HELLO}// hers\n")
    save(page, 2)
    write(other, f"// his\n{HELLO}")
    other.keyboard.press("Control+s")
    expect(other.locator("#state")).to_have_text("Conflict", timeout=PATIENCE_MS)
    expect(other.get_by_role("heading", name=re.compile("saved v2"))).to_be_visible()
    other.get_by_role("button", name="Merge…").click()
    other.get_by_role("button", name="Use what is on the right").click()
    other.keyboard.press("Control+s")
    expect(other.locator("#state")).to_have_text("Live v3", timeout=PATIENCE_MS)
    merged = other.locator("[data-file]:not([hidden]) code-editor")
    expect(merged).to_contain_text("// his")
    expect(merged).to_contain_text("// hers")
    other.close()


def help_(page: Page) -> None:
    page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Runs").click()
    page.get_by_role("link", name=re.compile("no luck")).first.click()
    page.get_by_role("link", name="code_error").click()
    assert page.url.endswith("/help/#code_error")
    for name in ("ctx", "The answer", "Limits", "Errors"):
        expect(page.get_by_role("heading", name=re.compile(f"^{name}")).first).to_be_visible()
