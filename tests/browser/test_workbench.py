"""The pages of a function and of a workspace as a person meets them, on rows that the test arranged."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tenants.models import Deployment, Run
from tenants.services import bodies, cases, functions, invocations, starters
from tests.browser.conftest import Watch, interactive, look
from tests.browser.test_pages import OFFLINE
from tests.cast import Cast
from tests.pages.conftest import go_live

pytestmark = pytest.mark.browser
SignedIn = Callable[..., Page]


@pytest.fixture
def home(cast: Cast) -> str:
    """The path of Ada's workspace, where something has happened."""
    made = functions.create(tenant=cast.tenant, name="order-paid", starter=starters.templates()["api"], author=cast.ada)
    functions.describe(
        function=made, description="Thanks people who paid", tags=["shop", "mail"], keeps_bodies=True, author=cast.ada
    )
    go_live(made)
    given = {"tenant": cast.tenant, "function": made, "function_name": made.name, "version_number": 1}
    for hour in range(12):
        failed = hour % 5 == 2
        Run.objects.create(
            **given,
            method="POST",
            path=f"/orders/{hour}",
            status=500 if failed else 201,
            cause="code_error" if failed else "",
            message="no luck" if failed else "",
            duration_ms=12.5 * hour,
            created_at=timezone.now() - timedelta(hours=hour),
        )
    run = Run.objects.create(
        **given,
        method="GET",
        status=403,
        cause="auth_denied",
        message="Unauthorized",
        missing={"action": "function:execute", "resource": "/account/acc-1/function/order-paid/"},
        permissions=[{"action": "function:get", "resource": "/account/acc-1/"}],
    )
    call = invocations.Call(method="POST", path="/orders", query=(("a", "1"),), body=b'{"item": "tea"}')
    bodies.keep(run=run, request=call.as_json(), headers=[("X-A", "1")], body=b'{"message": "no"}', for_long=True)
    cases.keep(
        function=made,
        name="Buys tea",
        request={"method": "POST", "path": "/orders", "body": '{"item": "tea"}'},
        author=cast.ada,
    )
    return f"/t/{cast.tenant.slug}/"


def test_the_pages_of_a_workspace(cast: Cast, home: str, signed_in: SignedIn, watch: Watch) -> None:
    page = signed_in(cast.ada, f"{home}functions/")
    expect(page.get_by_role("img", name="13 calls")).to_be_visible()
    look(page, "functions-filled")
    page.get_by_placeholder("Search names").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    look(page, "functions-none")
    for path, name in (("import/", "import"), ("help/", "help"), ("runs/", "runs-all"), ("runs/?q=zz", "runs-none")):
        page.goto(f"{home}{path}")
        look(page, f"workspace-{name}")
    page.goto(f"{home}import/")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Paste a specification, or choose files.")).to_be_visible()
    look(page, "workspace-import-refused")
    watch.assert_quiet(but=(422,))


SLOW_READING = """
let letGo;
const held = new Promise((resolve) => { letGo = resolve; });
window.letGo = letGo;
const read = Blob.prototype.arrayBuffer;
Blob.prototype.arrayBuffer = async function () { await held; return read.call(this); };
"""


def test_import_waits_until_the_folder_is_read(home: str, cast: Cast, signed_in: SignedIn, tmp_path: Path) -> None:
    (tmp_path / "folder" / "lib").mkdir(parents=True)
    (tmp_path / "folder" / "index.js").write_text("module.exports = async () => ({ body: 1 });\n")
    (tmp_path / "folder" / "lib" / "a.js").write_text("exports.a = 1;\n")
    page = signed_in(cast.ada, f"{home}import/")
    page.add_init_script(SLOW_READING)
    page.reload()
    page.get_by_label("Name", exact=True).fill("foldered")
    page.get_by_label("Folder").set_input_files(tmp_path / "folder")
    expect(page.get_by_text("Reading the folder…")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    page.evaluate("window.letGo()")
    page.wait_for_url("**/functions/foldered/")
    interactive(page)
    expect(page.get_by_text("lib/", exact=True)).to_be_visible()


def test_the_pages_of_a_function(cast: Cast, home: str, signed_in: SignedIn, watch: Watch) -> None:
    page = signed_in(cast.ada, f"{home}functions/order-paid/settings/")
    page.get_by_label("Cron expression").fill("0 9 * * 1-5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(page.get_by_text("(Europe/Berlin)")).to_be_visible()
    look(page, "settings")
    page.get_by_label("Path").last.fill("no slash")
    page.get_by_role("button", name="Save only").click()
    expect(page.get_by_text("A path begins with /")).to_be_visible()
    look(page, "settings-refused")
    page.goto(f"{home}runs/")
    page.get_by_role("link", name="Unauthorized").click()
    expect(page.get_by_text("does not hold")).to_be_visible()
    look(page, "run-explained")
    page.goto(f"{home}functions/hello/runs/")
    look(page, "runs-empty")
    page.goto(f"{home}functions/hello/logs/")
    look(page, "logs-not-reported")
    watch.assert_quiet(but=(422,))


def test_a_kept_request_fills_the_panel_and_panes_stay_as_they_were(
    cast: Cast, home: str, signed_in: SignedIn, watch: Watch
) -> None:
    page = signed_in(cast.ada, f"{home}functions/order-paid/")
    interactive(page)
    page.get_by_text("Saved and recent requests").click()
    page.get_by_role("link", name="Buys tea").click()
    expect(page.get_by_placeholder("/path")).to_have_value("/orders")
    page.get_by_label("As", exact=True).select_option("chosen")
    expect(page.get_by_label("function:get-log")).to_be_visible()
    look(page, "panel-filled")
    line = page.get_by_role("separator", name="Width of the panels")
    line.focus()
    before = page.locator(".side").evaluate("side => side.clientWidth")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".side").evaluate("side => side.clientWidth") > before
    page.reload()
    interactive(page)
    assert page.locator(".side").evaluate("side => side.clientWidth") > before
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator(".side")).to_be_hidden()
    page.get_by_role("button", name="Test, runs, versions").click()
    expect(page.locator("#code")).to_be_hidden()
    watch.assert_quiet()


def test_a_save_that_cannot_reach_the_site_is_sent_by_itself(
    cast: Cast, home: str, signed_in: SignedIn, watch: Watch
) -> None:
    page = signed_in(cast.ada, f"{home}functions/hello/")
    interactive(page)
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("// typed offline")
    page.context.set_offline(True)
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Your save waits here")).to_be_visible()
    look(page, "editor-offline")
    page.context.set_offline(False)

    expect(page.get_by_text("Your save waits here")).to_be_hidden()
    expect(page.locator("#base-version")).to_have_value("2")
    assert cast.hello.latest.files["index.js"].startswith("// typed offline")
    assert Deployment.objects.get(function=cast.hello).version.number == 2
    watch.said = [text for text in watch.said if not any(part in text for part in OFFLINE)]
    watch.assert_quiet()
