"""Every page of the URL conf has been looked at in light, dark and narrow: a new one needs a row and a look."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver

HERE = Path(__file__).parent
TABLE: dict[str, dict[str, Any]] = tomllib.loads((HERE / "looks.toml").read_text())
SEEN = {
    name
    for path in HERE.glob("test_*.py")
    for name in re.findall(r'\blook\(.*"([a-z0-9{}-]+)"\)$', path.read_text(), re.MULTILINE)
}
ELSEWHERE = ("admin:", "api:")  # looked at model by model; answered in JSON


def url_names(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield the full names of all URLs."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from url_names(pattern.url_patterns, f"{prefix}{pattern.namespace or ''}:".removeprefix(":"))
        else:
            yield f"{prefix}{pattern.name}"


def test_every_url_has_a_row_and_every_row_a_url() -> None:
    rows = {*TABLE["pages"], *TABLE["parts"]}
    names = set(url_names(get_resolver("onboarding.urls").url_patterns))

    assert {name for name in names if not name.startswith(ELSEWHERE)} - rows == set()
    assert rows - names == set()


@pytest.mark.parametrize("name", sorted(TABLE["pages"]))
def test_a_page_has_been_looked_at(name: str) -> None:
    assert set(TABLE["pages"][name]) - SEEN == set()
