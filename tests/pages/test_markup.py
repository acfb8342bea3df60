"""What every page must be: no inline script or style, few queries, headings in order, labels for fields."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client

from tenants.services import functions
from tests.cast import Cast

TEMPLATES = Path(__file__).parents[2] / "templates" / "tenants"
STATIC = Path(__file__).parents[2] / "tenants" / "static" / "tenants"
PAGES = (
    "functions/",
    "functions/hello/",
    "functions/hello/state/",
    "functions/hello/versions/",
    "functions/hello/versions/1/",
    "functions/hello/compare/?old=1&new=1",
    "functions/hello/deploy/?version=1",
    "functions/hello/live/",
    "functions/hello/settings/",
    "functions/hello/settings/schedule/?cron=0+9+*+*+*",
    "functions/hello/runs/",
    "functions/hello/logs/",
    "runs/",
    "import/",
    "members/",
    "tokens/",
    "audit/",
    "functions/hello/secrets/",
    "functions/hello/tokens/",
    "functions/hello/delete/",
)
MAX_QUERIES = 12
MAX_LINES = 150


class Inline(HTMLParser):
    """Collects what a strict content security policy would block, and fields without a label."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        self.found += [name for name in given if name == "style" or name.startswith(("on", "hx-on"))]
        self.found += [value for value in given.values() if (value or "").strip().lower().startswith("javascript:")]
        self.ids += [str(given["id"])] if "id" in given else []


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Ada's tenant with thirty functions and a few versions."""
    for number in range(30):
        functions.create(tenant=cast.tenant, name=f"f{number}", starter=functions.starters.blank(), author=cast.ada)
    return cast


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_inline_and_every_id_once(path: str, ada: Client, home_of: str) -> None:
    inline = Inline()

    inline.feed(ada.get(home_of + path).content.decode())

    assert inline.found == []
    assert len(inline.ids) == len(set(inline.ids))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_few_queries_however_much_there_is(
    path: str, ada: Client, busy: Cast, home_of: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    with django_assert_max_num_queries(MAX_QUERIES):
        assert ada.get(home_of + path).status_code == 200


def test_pages_are_never_cached(ada: Client, home_of: str) -> None:
    assert "no-store" in ada.get(f"{home_of}functions/hello/").headers["Cache-Control"]


def test_scripts_are_small_modules_without_eval() -> None:
    for script in STATIC.glob("*.js"):
        source = script.read_text()
        assert len(source.splitlines()) <= MAX_LINES, script.name
        assert "innerHTML" not in source, script.name
        assert "eval(" not in source, script.name
