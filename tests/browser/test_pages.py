"""Every page of the product in its empty, filled and error state: seen in light, dark and narrow, axe finds nothing."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tenants.models import Deployment, Function, FusebitUser, Run, State, Tenant
from tenants.services import functions, starters
from tests.browser.conftest import Watch, interactive, look
from tests.cast import Cast
from tests.pages.conftest import go_live

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
GREETING = {"lib/greeting.js": "module.exports = (name) => `Hello ${name}`;\n"}
OFFLINE = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")  # what Chromium and htmx log of it
INTERACTIVE_MS = 500
CALLS = ((200, "", ""), (500, "code_error", "/orders"), (403, "auth_denied", ""), (None, "platform", "/slow"))


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Ada's tenant after a day of work: two versions, runs of every kind, a failed and an unfinished deployment."""
    files = cast.hello.latest.files | GREETING
    change = functions.Change(files=files, message="Split the greeting out")
    functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)
    go_live(cast.hello)
    for status, cause, path in (
        (200, "", ""),
        (500, "code_error", "/orders"),
        (403, "auth_denied", ""),
        (None, "platform", "/slow"),
    ):
        Run.objects.create(
            tenant=cast.tenant,
            function=cast.hello,
            function_name="hello",
            version_number=2,
            actor=cast.ada,
            method="GET",
            path=path,
            status=status,
            duration_ms=12.4,
            cause=cause,
            message="" if status else "Fusebit did not answer in time.",
        )
    broken = functions.create(tenant=cast.tenant, name="order-created", starter=starters.blank(), author=cast.ada)
    Deployment.objects.filter(function=broken).update(
        state=State.BLOCKED,
        error_code="build_failed",
        last_error="SyntaxError: Unexpected token '}'\n    at index.js:7",
        reference_id="ref-3f9a",
    )
    functions.create(tenant=cast.tenant, name="nightly-report", starter=starters.blank(), author=cast.ada)
    return cast


def at(cast: Cast, path: str = "") -> str:
    """A path in Ada's workspace."""
    return f"/t/{cast.tenant.slug}/functions/{path}"


def test_setting_up(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.cy, "/")
    expect(page.get_by_role("heading", name="Setting up Cy's workspace")).to_be_visible()
    look(page, "setup-working")

    Tenant.objects.filter(members=cast.cy).update(created_at=timezone.now() - timedelta(minutes=1))
    expect(page.get_by_text("You can close this page")).to_be_visible()
    look(page, "setup-slow")

    FusebitUser.objects.filter(user=cast.cy).update(
        state=State.BLOCKED, error_code="grants", last_error="The client may not add users.", reference_id="ref-81c2"
    )
    expect(page.get_by_text("ref-81c2")).to_be_visible()
    look(page, "setup-failed")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("ref-81c2")).to_be_visible()
    assert FusebitUser.objects.due(timezone.now()).filter(user=cast.cy).exists()


def test_setting_up_moves_on_by_itself(cast: Cast, signed_in: Open) -> None:
    page = signed_in(cast.cy, "/")
    expect(page.get_by_text("Working…")).to_be_visible()

    FusebitUser.objects.filter(user=cast.cy).update(state=State.READY, observed_gen=1, remote_user_id="usr-cy")
    tenant = cast.cy.tenants.get()
    go_live(functions.create(tenant=tenant, name="hello", starter=starters.hello("Cy"), author=cast.cy))

    page.wait_for_url(re.compile(r"/functions/hello/$"))


def test_nowhere_to_go(cast: Cast, signed_in: Open) -> None:
    cast.op.is_staff = False
    cast.op.save()

    page = signed_in(cast.op, "/")

    expect(page.get_by_role("heading", name="There is no workspace for you here")).to_be_visible()
    look(page, "nowhere")


def test_the_list_of_functions(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy))
    look(page, "functions-filled")

    page.get_by_label("Name", exact=True).fill("not a name")
    page.get_by_role("button", name="Create function").click()
    expect(page.get_by_text("Use letters, digits and hyphens")).to_be_visible()
    look(page, "functions-error")


def test_the_empty_list_of_functions(cast: Cast, signed_in: Open) -> None:
    Function.objects.update(deleted_at=timezone.now())

    look(signed_in(cast.ada, at(cast)), "functions-empty")


def test_the_editor_and_its_panels(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    look(page, "editor")

    page.get_by_role("tab", name="Runs").click()
    look(page, "editor-runs")
    page.get_by_role("tab", name="Versions").click()
    look(page, "editor-versions")
    page.get_by_role("heading", name="hello").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, "editor-keys")


def test_the_editor_of_a_function_that_never_ran(cast: Cast, signed_in: Open) -> None:
    functions.create(tenant=cast.tenant, name="fresh", starter=starters.blank(), author=cast.ada)

    page = signed_in(cast.ada, at(cast, "fresh/"))
    interactive(page)
    look(page, "editor-empty")
    page.get_by_role("tab", name="Runs").click()
    look(page, "editor-empty-runs")


def test_the_editor_of_a_function_whose_deployment_failed(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "order-created/"))
    interactive(page)

    expect(page.get_by_text("v1 did not go live.")).to_be_visible()
    look(page, "editor-failed")


def test_the_editor_of_a_viewer(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ben, at(busy, "hello/"))
    interactive(page)

    expect(page.locator("[data-save]")).to_have_count(0)
    look(page, "editor-viewer")


def test_a_call_that_gets_no_answer(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("There was no answer.")).to_be_visible()
    look(page, "editor-no-answer")


def test_a_syntax_error_is_shown_at_its_line_and_ctx_is_completed(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    page.locator("code-editor").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("const path = ctx.pa")
    expect(page.get_by_role("option", name=re.compile("^path"))).to_be_visible()
    look(page, "editor-completion")

    page.keyboard.press("Enter")
    page.keyboard.type(" ;;; }")

    expect(page.locator("code-editor .cm-lint-marker-error")).to_have_count(1)
    assert "ctx.path ;;; }" in page.locator("[name=content]").first.input_value()
    look(page, "editor-syntax-error")


def test_a_conflict_shows_both_and_is_saved_over_only_by_choice(busy: Cast, signed_in: Open, watch: Watch) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    theirs = functions.Change(files=busy.hello.latest.files | {"lib/theirs.js": "1;\n"}, message="Theirs")
    functions.save(function=busy.hello, change=theirs, base_version=2, author=busy.cy)
    page.locator("code-editor").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("// mine")
    expect(page.locator("#state")).to_have_text("Draft")
    page.keyboard.press("Control+s")

    expect(page.get_by_role("heading", name=re.compile("Cy saved v3"))).to_be_visible()
    expect(page.locator("#state")).to_have_text("Conflict")
    look(page, "editor-conflict")
    assert busy.hello.latest.number == 3

    page.get_by_role("button", name="Save mine as the version after v3").click()
    expect(page.get_by_role("heading", name=re.compile("Cy saved v3"))).to_have_count(0)
    assert busy.hello.latest.number == 4
    assert busy.hello.latest.files["index.js"].endswith("// mine")


def test_an_unsaved_draft_survives_a_reload_and_can_be_discarded(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("code-editor").first.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("// mine\n")
    expect(page.locator("#state")).to_have_text("Draft")

    page.reload()

    assert asked == ["beforeunload"]
    expect(page.get_by_text("Your unsaved draft is back.")).to_be_visible()
    assert page.locator("[name=content]").first.input_value().startswith("// mine\n")
    look(page, "editor-draft")
    page.get_by_role("link", name="Discard it").click()
    expect(page.locator("#state")).to_have_text("Live v2")
    assert asked == ["beforeunload"]


def test_the_next_visit_begins_at_the_file_and_the_cursor_of_the_last(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    page.get_by_role("button", name="lib/greeting.js").click()
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.press("Control+End")
    page.goto(at(busy))
    page.get_by_role("link", name=re.compile("^hello")).click()
    interactive(page)

    expect(page.get_by_role("button", name="lib/greeting.js")).to_have_attribute("aria-current", "true")
    cursor = page.locator("[data-file]:not([hidden]) code-editor").evaluate("editor => editor.cursor")
    assert cursor == len(GREETING["lib/greeting.js"])


def test_the_editor_is_interactive_in_half_a_second(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    took = []
    for _ in range(3):
        page.reload()
        interactive(page)
        took.append(page.evaluate("performance.getEntriesByName('interactive')[0].startTime"))

    assert min(took) < INTERACTIVE_MS, took


def test_files_are_added_renamed_and_deleted(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    files = page.get_by_role("navigation", name="Files")
    page.on("dialog", lambda dialog: dialog.accept())

    files.get_by_role("button", name="Add file").click()
    page.keyboard.type("lib/extra.json")
    expect(files.get_by_role("button", name="lib/extra.json")).to_have_attribute("aria-current", "true")
    page.locator("[data-file]:not([hidden]) code-editor").click()
    page.keyboard.type('{"a": 1}')
    files.get_by_role("button", name="lib/greeting.js").click()
    page.get_by_role("button", name="Delete file").click()
    page.keyboard.press("Control+s")

    expect(page.locator("#state")).not_to_have_text(re.compile("Draft|Saving"))
    assert set(busy.hello.latest.files) == {"index.js", "package.json", "lib/extra.json"}
    assert busy.hello.latest.files["lib/extra.json"].startswith('{"a": 1}')


def test_an_expired_sign_in_loses_nothing(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    page.locator("code-editor").first.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("// mine\n")
    kept = page.context.cookies()
    page.context.clear_cookies(name="onboarding_session")
    page.keyboard.press("Control+s")

    expect(page.get_by_text("Your sign-in has expired.")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Not saved")
    look(page, "editor-expired")
    page.context.add_cookies(kept)
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).not_to_have_text(re.compile("Draft|Saving|Not saved"))
    assert busy.hello.latest.files["index.js"].startswith("// mine\n")


def test_a_lost_connection_is_said_and_the_draft_stays(busy: Cast, signed_in: Open, watch: Watch) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    page.locator("code-editor").first.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("// mine\n")
    page.context.set_offline(True)
    page.keyboard.press("Control+s")

    expect(page.get_by_text("The site cannot be reached.")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Not saved")
    page.context.set_offline(False)
    watch.said = [text for text in watch.said if not any(part in text for part in OFFLINE)]


def test_a_version(busy: Cast, signed_in: Open) -> None:
    look(signed_in(busy.ada, at(busy, "hello/versions/2/")), "version")


def test_deleting(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/delete/"))
    look(page, "delete")
    page.get_by_label("Type hello to confirm").fill("other")
    page.get_by_role("button", name="Delete function").click()
    expect(page.locator(".field-error")).to_be_visible()
    look(page, "delete-error")


def test_somebody_elses_function(busy: Cast, signed_in: Open) -> None:
    look(signed_in(busy.cy, at(busy, "hello/")), "not-found")


def test_without_javascript_the_editor_reads_and_saves(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"), java_script_enabled=False)

    area = page.get_by_label("Content of index.js")
    area.fill(area.input_value() + "// plain\n")
    page.get_by_role("button", name="Save only").click()

    expect(page.get_by_text("Saved v3.")).to_be_visible()
    assert busy.hello.latest.files["index.js"].endswith("// plain\n")
    page.screenshot(path="tests/browser/screenshots/editor-plain.png", full_page=True)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("There was no answer.")).to_be_visible()


def test_nothing_traps_the_keyboard(busy: Cast, signed_in: Open) -> None:
    page = signed_in(busy.ada, at(busy, "hello/"))
    interactive(page)
    where = "document.activeElement.matches('code-editor')"

    def walk(key: str) -> int:
        """Press `key` until the editor has been reached and left; return how often."""
        for pressed in range(1, 60):
            was_inside = page.evaluate(where)
            page.keyboard.press(key)
            if was_inside and not page.evaluate(where):
                return pressed
        raise AssertionError(f"{key} does not leave the editor")

    walk("Tab")
    walk("Shift+Tab")
    page.locator("code-editor").first.click()
    page.keyboard.type("x")
    page.keyboard.press("Tab")
    assert page.evaluate(where), "after typing, Tab indents"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate(where)
