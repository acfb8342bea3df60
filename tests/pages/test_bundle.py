"""The one pre-built bundle: small enough, and with its licences beside it. CI compares it with a rebuild."""

import gzip
from pathlib import Path

ROOT = Path(__file__).parents[2] / "tenants"
COMMITTED = ROOT / "static" / "tenants"
FIRST_LOAD_LIMIT = 200_000  # bytes of JavaScript on the wire


def test_all_scripts_of_the_editor_page_fit_the_budget() -> None:
    import django_htmx

    htmx = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
    scripts = [*COMMITTED.glob("*.js"), htmx]

    assert sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts) <= FIRST_LOAD_LIMIT


def test_the_licence_of_every_package_is_beside_the_bundle() -> None:
    licences = (COMMITTED / "editor.LICENCES.txt").read_text()

    for package in ("@codemirror/view", "@lezer/javascript", "style-mod", "crelt", "w3c-keyname"):
        assert f"{package} " in licences
