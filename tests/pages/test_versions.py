"""Versions: compared in code and words, deployed and rolled back over the same sheet."""

import pytest
from django.test import Client

from tenants.models import Deployment, FunctionVersion
from tenants.services import functions
from tests.cast import Cast
from tests.pages.conftest import SignedIn

CODE = "module.exports = async (ctx) => ({ body: 'second' });\n"


@pytest.fixture
def two(cast: Cast) -> FunctionVersion:
    """A second version of hello, with other settings; the first one is live."""
    change = functions.Change(
        files={**cast.hello.latest.files, "index.js": CODE},
        message="Opened",
        configuration={"GREETING": "very-private"},
        schedule={"cron": "0 9 * * *", "timezone": "Europe/Berlin"},
        security={},
    )
    return functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)


def page(client: Client, address: str) -> str:
    """The text of a page, blanks folded."""
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_list_has_every_version_with_author_and_message(ada: Client, two: FunctionVersion, home_of: str) -> None:
    shown = page(ada, f"{home_of}functions/hello/versions/")

    assert "Opened" in shown
    assert shown.count('name="old"') == shown.count('name="new"') == 2
    assert "deploy/?version=2" in shown


def test_a_long_history_comes_in_pages(ada: Client, cast: Cast, home_of: str) -> None:
    rows = [FunctionVersion(function=cast.hello, number=number, files={"index.js": "1"}) for number in range(2, 61)]
    FunctionVersion.objects.bulk_create(rows)

    first = page(ada, f"{home_of}functions/hello/versions/")
    second = page(ada, f"{home_of}functions/hello/versions/?before=11")

    assert "?before=11" in first
    assert second.count('name="old"') == 10
    assert "Older versions" not in second


def test_two_versions_are_compared_in_code_and_in_words(ada: Client, two: FunctionVersion, home_of: str) -> None:
    shown = page(ada, f"{home_of}functions/hello/compare/?old=1&new=2")

    assert "+module.exports = async (ctx) =&gt; ({ body: &#x27;second&#x27; });" in shown
    assert "Configuration GREETING" in shown
    assert "very-private" not in shown
    assert "Runs by itself at 0 9 * * * (Europe/Berlin)." in shown
    assert "Anybody who knows the URL may call it." in shown


@pytest.mark.parametrize("query", ["old=1&new=9", "old=x&new=1", "old=1", "old=1&new=-1", "old=1&new=²"])
def test_versions_that_do_not_exist_are_404(query: str, ada: Client, cast: Cast, home_of: str) -> None:
    assert ada.get(f"{home_of}functions/hello/compare/?{query}").status_code == 404


def test_rolling_back_is_the_same_sheet_backwards(ada: Client, cast: Cast, two: FunctionVersion, home_of: str) -> None:
    forwards = page(ada, f"{home_of}functions/hello/deploy/?version=2")
    Deployment.objects.filter(function=cast.hello).update(version=two, live_version=two)
    backwards = page(ada, f"{home_of}functions/hello/deploy/?version=1")

    assert "<h1>Deploy v2</h1>" in forwards
    assert "<h1>Roll back to v1</h1>" in backwards
    assert "+module.exports" in forwards
    assert "-module.exports" in backwards
    assert "Callers need a token" in backwards


def test_when_fusebit_cannot_be_asked_the_page_says_so(ada: Client, cast: Cast, home_of: str) -> None:
    assert "Fusebit could not be asked what answers." in page(ada, f"{home_of}functions/hello/live/")


def test_a_conflict_names_each_file_and_carries_all_its_states(ada: Client, cast: Cast, home_of: str) -> None:
    base = cast.hello.latest.files
    theirs = {**base, "index.js": "// theirs\n" + base["index.js"], "lib/new.js": "1;\n"}
    functions.save(function=cast.hello, change=functions.Change(files=theirs), base_version=1, author=cast.cy)
    mine = {**base, "index.js": base["index.js"] + "// mine\n"}

    answer = ada.post(
        f"{home_of}functions/hello/",
        {"base_version": 1, "path": list(mine), "content": list(mine.values())},
        headers={"HX-Request": "true"},
    )

    shown = " ".join(answer.content.decode().split())
    assert answer.status_code == 412
    assert 'data-merge-file="index.js" data-kind="both"' in shown
    assert 'data-merge-file="lib/new.js" data-kind="theirs"' in shown
    merged = answer.content.decode().split('data-side="merged" aria-hidden="true">\n')[1]
    assert merged.startswith("// theirs")
    assert "// mine" in merged.split("</textarea>")[0]


def test_a_viewer_compares_and_may_not_deploy(cast: Cast, signed_in: SignedIn, two: None, home_of: str) -> None:
    ben = signed_in(cast.ben)

    assert "Deploy v2" not in page(ben, f"{home_of}functions/hello/compare/?old=1&new=2")
    assert ben.post(f"{home_of}functions/hello/deploy/", {"version": 2}).status_code == 403
