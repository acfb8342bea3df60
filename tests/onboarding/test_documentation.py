"""What is documented is what the code reads, and what is vendored is what the list says."""

import hashlib
import re
import tomllib
from pathlib import Path

from onboarding import providers

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""env\.(?:text|boolean|number|words|pairs|origin|secret|later)\(\s*f?"([A-Z][A-Z_]+)"|environ\.get\(\s*"([A-Z_]+)"\s*[,)]"""
)
DOCUMENTED = re.compile(r"`([A-Z][A-Z0-9_]{3,})`")
# Set by a parent process for its child, or by the desktop; not by people who configure this.
INTERNAL = {
    "DJANGO_SETTINGS_MODULE",
    "IDENTITY_DIR",
    "IDENTITY_ISSUER",
    "PLATFORM_BASE_URL",
    "PLATFORM_DATA_DIR",
    "CI",
}
WORDS = {"INFO", "WARNING", "ERROR", "NAME", "NAME_FILE"}


def documented() -> set[str]:
    return set(DOCUMENTED.findall((ROOT / "docs" / "configuration.md").read_text()))


def test_every_setting_that_is_read_is_documented_and_the_reverse() -> None:
    packages = ("onboarding", "tenants", "fusebit_bridge", "fusebit_platform")
    sources = [path.read_text() for package in packages for path in (ROOT / package).rglob("*.py")]
    read = {name for text in sources for match in READ.findall(text) for name in match if name} - INTERNAL
    plain = {name for name in documented() if not name.startswith("SOCIAL_AUTH_")} - WORDS

    assert read - plain == set()
    assert {name for name in plain - read if name.removesuffix("_FILE") not in read} == set()


def test_a_secret_that_may_be_in_a_file_is_documented_as_such() -> None:
    source = (ROOT / "onboarding" / "settings.py").read_text()
    secrets = set(re.findall(r'env\.(?:secret|later)\("([A-Z_]+)"', source))

    assert {f"{name}_FILE" for name in secrets} <= documented()


def test_every_provider_is_documented_with_all_that_it_needs_and_none_else() -> None:
    needed = {f"{provider.prefix}_{name}" for provider in providers.PROVIDERS for name in provider.needs}
    listed = {name for name in documented() if name.startswith("SOCIAL_AUTH_")}

    assert needed <= listed
    assert listed - needed == {"SOCIAL_AUTH_GITLAB_API_URL"}


def test_vendored_files_are_the_ones_in_the_list() -> None:
    folder = ROOT / "onboarding" / "static" / "vendor"
    listed = tomllib.loads((folder / "vendor.toml").read_text())["file"]

    for file in listed:
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"], file["name"]
    assert {path.name for path in folder.rglob("*.css")} == {Path(file["path"]).name for file in listed}
