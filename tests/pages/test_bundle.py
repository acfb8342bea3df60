"""The pre-built editor: small enough to begin with, its licences beside it. CI compares it with a rebuild."""

import gzip
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "tenants" / "static" / "tenants"
SITE = ROOT / "onboarding" / "static" / "onboarding"
FIRST_LOAD_LIMIT = 200_000  # bytes of JavaScript on the wire
IMPORT = re.compile(r"""\b(?:from|import)\s*["'](\./[^"']+)["']""")


def loaded_with(script: Path, seen: set[Path]) -> set[Path]:
    """The script and everything that it imports before it runs; `import()` comes later and does not count."""
    if script not in seen:
        seen.add(script)
        for name in IMPORT.findall(script.read_text()):
            loaded_with((script.parent / name).resolve(), seen)
    return seen


def test_what_the_editor_page_loads_first_fits_the_budget() -> None:
    import django_htmx

    htmx = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
    scripts = {htmx, SITE / "theme.js", SITE / "theme-switch.js"}
    for entry in (STATIC / "workbench.js", STATIC / "editor" / "editor.js"):
        loaded_with(entry, scripts)

    assert len(scripts) > 10
    assert sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts) <= FIRST_LOAD_LIMIT


def test_the_merge_view_is_not_among_what_is_loaded_first() -> None:
    first = loaded_with(STATIC / "workbench.js", set()) | loaded_with(STATIC / "editor" / "editor.js", set())

    assert STATIC / "editor" / "merge-view.js" not in first


def test_the_licence_of_every_package_is_beside_the_bundle() -> None:
    licences = (STATIC / "editor" / "LICENCES.txt").read_text()

    for package in ("@codemirror/view", "@codemirror/merge", "@lezer/javascript", "style-mod", "crelt", "w3c-keyname"):
        assert f"{package} " in licences
