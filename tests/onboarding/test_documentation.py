"""What is documented is what the code reads, and what is vendored is what the list says."""

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""env\.(?:text|boolean|number|words|origin|secret|later)\(\s*f?"([A-Z][A-Z_]+)"|environ\.get\(\s*"([A-Z_]+)"\s*[,)]"""
)
DOCUMENTED = re.compile(r"`([A-Z][A-Z0-9_]{3,})`")
# Set by a parent process for its child, not by people.
INTERNAL = {"DJANGO_SETTINGS_MODULE", "IDENTITY_DIR", "IDENTITY_ISSUER"}


def test_every_setting_that_is_read_is_documented_and_the_reverse() -> None:
    packages = ("onboarding", "tenants", "fusebit_bridge", "fusebit_platform")
    sources = [path.read_text() for package in packages for path in (ROOT / package).rglob("*.py")]
    read = {name for text in sources for match in READ.findall(text) for name in match if name} - INTERNAL
    documented = set(DOCUMENTED.findall((ROOT / "docs" / "configuration.md").read_text()))
    documented -= {"DEBUG", "INFO", "WARNING", "ERROR"} - read
    plain = {name for name in documented if not name.startswith("SOCIAL_AUTH_") and not name.endswith("_FILE")}

    assert read - documented == set()
    assert plain - read - {"NAME"} == set()


def test_vendored_files_are_the_ones_in_the_list() -> None:
    folder = ROOT / "onboarding" / "static" / "vendor"
    listed = tomllib.loads((folder / "vendor.toml").read_text())["file"]

    for file in listed:
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"], file["name"]
    assert {path.name for path in folder.rglob("*.css")} == {Path(file["path"]).name for file in listed}
