"""The architecture page names only what is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = ("onboarding", "tenants", "fusebit_bridge", "fusebit_platform")
SERVICES = ("provisioning", "remote_users", "functions", "deployments", "invocations")
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", PAGE)))
FILES = sorted(set(re.findall(r"`((?:[a-z_]+/)+[A-Za-z_.]+)`", PAGE)))


def resolve(name: str) -> object:
    """Import the longest module in `name` and read the rest as attributes."""
    parts = name.split(".")
    if parts[0] in SERVICES:
        parts = ["tenants", "services", *parts]
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return found
    raise AssertionError(f"{name} does not exist")


@pytest.mark.parametrize("name", [name for name in NAMES if name.split(".")[0] in (*PACKAGES, *SERVICES)])
def test_a_module_or_function_on_the_page_exists(name: str) -> None:
    assert resolve(name)


@pytest.mark.parametrize("path", FILES)
def test_a_file_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_package_is_on_the_page() -> None:
    assert all(f"`{package}`" in PAGE for package in PACKAGES)


def test_nothing_is_at_the_top_level_that_the_readme_of_the_house_does_not_know() -> None:
    known = {*PACKAGES, "templates", "tests", "docs", "deploy", "manage.py", "pyproject.toml"}
    known |= {"README.md", "LICENSE", "CHANGELOG.md"}
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}

    assert visible - {"staticfiles"} == known
