"""Saving from the editor editor: never over somebody else's, never losing what was typed."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tenants.models import Deployment
from tenants.services import configuration, functions
from tests.cast import Cast
from tests.pages.conftest import SignedIn

CODE = "module.exports = async (ctx) => ({ body: 'mine' });\n"
THEIRS = {"index.js": "module.exports = async (ctx) => ({ body: 'theirs' });\n"}


def posted(files: dict[str, str], base: int, **more: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    texts = [text.replace("\n", "\r\n") for text in files.values()]
    return {"base_version": base, "path": list(files), "content": texts, "keep_live": "yes", **more}


def text(response: HttpResponse) -> str:
    """The page."""
    return response.content.decode()


@pytest.fixture
def editor(home_of: str) -> str:
    """The address of the editor."""
    return f"{home_of}functions/hello/"


def test_the_editor_shows_every_file_in_a_textarea_that_needs_no_script(ada: Client, editor: str, cast: Cast) -> None:
    shown = text(ada.get(editor))

    assert shown.count('<textarea name="content"') == len(cast.hello.latest.files) + 2  # noscript and the template
    assert "module.exports = async (ctx)" in shown
    assert "Live v1" in shown


def test_a_plain_form_saves_a_version_with_line_ends_as_typed(ada: Client, editor: str, cast: Cast) -> None:
    answer = ada.post(editor, posted({"index.js": CODE, "lib/a.js": "1;\n"}, 1, message="Shorter"))

    assert (answer.status_code, answer.url) == (302, editor)
    latest = cast.hello.latest
    assert (latest.number, latest.message, latest.author) == (2, "Shorter", cast.ada)
    assert latest.files == {"index.js": CODE, "lib/a.js": "1;\n"}


def test_a_file_whose_name_was_cleared_is_gone(ada: Client, editor: str, cast: Cast) -> None:
    ada.post(editor, posted({"index.js": CODE, "": "left over"}, 1))

    assert list(cast.hello.latest.files) == ["index.js"]


def test_a_save_that_keeps_what_is_live_says_so(ada: Client, editor: str) -> None:
    answer = ada.post(editor, posted({"index.js": CODE}, 1), headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "Saved v2 · Live v1" in text(answer)
    assert 'id="base-version"' in text(answer)
    assert 'value="2"' in text(answer)


def test_a_save_wants_the_version_live_unless_told_otherwise(ada: Client, editor: str, cast: Cast) -> None:
    ada.post(editor, posted({"index.js": CODE}, 1, keep_live=""))

    assert Deployment.objects.get(function=cast.hello).version.number == 2


def test_a_save_without_changes_makes_no_version(ada: Client, editor: str, cast: Cast) -> None:
    ada.post(editor, posted(cast.hello.latest.files, 1))

    assert cast.hello.latest.number == 1


@pytest.mark.parametrize("htmx", [False, True])
def test_a_stale_save_is_412_shows_whose_version_it_met_and_keeps_what_was_typed(
    htmx: bool, ada: Client, editor: str, cast: Cast
) -> None:
    functions.save(function=cast.hello, change=functions.Change(files=THEIRS), base_version=1, author=cast.cy)

    answer = ada.post(editor, posted({"index.js": CODE}, 1), headers={"HX-Request": "true"} if htmx else {})

    assert answer.status_code == 412
    shown = text(answer)
    assert "Cy saved v2" in " ".join(shown.split())
    assert 'name="over" value="2"' in shown
    assert "+module.exports = async (ctx) =&gt; ({ body: &#x27;mine&#x27; });" in shown
    assert cast.hello.latest.files == THEIRS
    if not htmx:
        assert "\nmodule.exports = async (ctx) =&gt; ({ body: &#x27;mine&#x27; });\n</textarea>" in shown
        assert 'name="base_version" value="1"' in shown


def test_saving_over_somebody_elses_is_a_choice_of_its_own(ada: Client, editor: str, cast: Cast) -> None:
    functions.save(function=cast.hello, change=functions.Change(files=THEIRS), base_version=1, author=cast.cy)

    ada.post(editor, posted({"index.js": CODE}, 1, over=2))

    assert cast.hello.latest.number == 3
    assert cast.hello.latest.files == {"index.js": CODE}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"lib/a.js": "1;"}, "There must be an index.js"),
        ({"index.js": CODE, "../secrets": "1;"}, "cannot be the name of a file"),
        ({"index.js": CODE, "package.json": "{"}, "package.json is not JSON"),
        ({"index.js": CODE + "\x00"}, "is not text"),
        ({"index.js": "//" + "x" * 500_000}, "All files together"),
    ],
)
def test_files_that_cannot_be_kept_are_refused_in_words_and_not_lost(
    files: dict[str, str], reason: str, ada: Client, editor: str, cast: Cast
) -> None:
    answer = ada.post(editor, posted(files, 1))

    assert answer.status_code == 422
    assert reason in text(answer)
    assert all(path in text(answer) for path in files)
    assert cast.hello.latest.number == 1


def test_two_files_of_one_name_are_refused(ada: Client, editor: str) -> None:
    form = posted({"index.js": CODE}, 1) | {"path": ["index.js", "index.js"], "content": [CODE, "other"]}

    answer = ada.post(editor, form)

    assert answer.status_code == 422
    assert "Two files have the same name." in text(answer)


@pytest.mark.parametrize("base", ["", "x", "-1", "99999999999999999999"])
def test_a_nonsensical_base_version_is_not_a_crash(base: str, ada: Client, editor: str) -> None:
    assert ada.post(editor, posted({"index.js": CODE}, 1, base_version=base)).status_code == 422


def test_code_is_shown_as_text_whatever_it_contains(ada: Client, editor: str) -> None:
    ada.post(editor, posted({"index.js": "// </textarea><script>alert(1)</script>\n"}, 1))

    for address in (editor, f"{editor}versions/2/"):
        shown = text(ada.get(address))
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert" in shown


def test_a_viewer_reads_and_may_not_save(cast: Cast, signed_in: SignedIn, editor: str) -> None:
    shown = text(signed_in(cast.ben).get(editor))

    assert "Changing it takes a developer or an owner." in shown
    assert "data-save" not in shown
    assert "readonly" in shown


def test_a_version_shows_what_it_changed(ada: Client, editor: str) -> None:
    ada.post(editor, posted({"index.js": CODE}, 1, message="Mine"))

    shown = text(ada.get(f"{editor}versions/2/"))

    assert "What it changed" in shown
    assert "Mine" in shown
    assert ada.get(f"{editor}versions/9/").status_code == 404


def test_a_deployment_that_failed_says_why_and_offers_to_try_again(ada: Client, editor: str, cast: Cast) -> None:
    Deployment.objects.filter(function=cast.hello).update(
        state="blocked",
        error_code="build_failed",
        last_error="Unexpected token '}'",
        reference_id="ref-1",
        next_attempt_at=timezone.now(),
    )

    shown = text(ada.get(editor))

    assert "v1 did not go live." in shown
    assert "Unexpected token" in shown
    assert "ref-1" in shown
    assert "Try v1 again" in shown


def test_a_dependency_that_could_not_be_built_is_shown_at_its_line_with_the_log(
    ada: Client, editor: str, cast: Cast
) -> None:
    package = '{\n  "dependencies": {\n    "left-pad": "1.3.0",\n    "no-such-thing": "1.0.0"\n  }\n}\n'
    ada.post(editor, posted({"index.js": CODE, "package.json": package}, 1))
    Deployment.objects.filter(function=cast.hello).update(
        version=cast.hello.latest,
        state="blocked",
        last_error="Unable to fully resolve module version for no-such-thing@1.0.0 from npm",
        build_log="  0.0 s  Sending v2: 2 files.",
        error_code="build_failed",
        reference_id="ref-2",
        next_attempt_at=timezone.now(),
    )

    shown = text(ada.get(editor))

    assert "Open package.json at line 4" in shown
    assert "Sending v2: 2 files." in shown
    assert "Sending v2" in text(ada.get(f"{editor}build-log/"))


def test_a_secret_that_was_set_meanwhile_is_no_conflict(ada: Client, cast: Cast, editor: str) -> None:
    configuration.patch(function=cast.hello, author=cast.dee, secret={"TOKEN": "a value of mine"})

    answer = ada.post(editor, posted({"index.js": CODE}, 1))

    assert answer.status_code == 302
    assert (cast.hello.latest.number, list(cast.hello.latest.secrets)) == (3, ["TOKEN"])
    assert cast.hello.latest.files == {"index.js": CODE}
