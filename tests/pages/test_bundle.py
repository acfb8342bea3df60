"""The one pre-built bundle: what is committed is what its source gives."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2] / "tenants"
COMMITTED = ROOT / "static" / "tenants"
FIRST_LOAD_LIMIT = 200_000  # bytes of JavaScript on the wire


def test_a_rebuild_gives_the_committed_bundle_and_licences(tmp_path: Path) -> None:
    source = tmp_path / "frontend"
    shutil.copytree(ROOT / "frontend", source, ignore=shutil.ignore_patterns("node_modules"))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    subprocess.run(
        [source / "build"], check=True, env={**os.environ, "OUT": str(tmp_path), "PATH": path}, capture_output=True
    )

    for name in ("editor.js", "editor.LICENCES.txt"):
        assert (tmp_path / name).read_bytes() == (COMMITTED / name).read_bytes(), name


def test_all_scripts_of_the_editor_page_fit_the_budget() -> None:
    import django_htmx

    htmx = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
    scripts = [*COMMITTED.glob("*.js"), htmx]

    assert sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts) <= FIRST_LOAD_LIMIT


def test_the_licence_of_every_package_is_beside_the_bundle() -> None:
    licences = (COMMITTED / "editor.LICENCES.txt").read_text()

    for package in ("@codemirror/view", "@lezer/javascript", "style-mod", "crelt", "w3c-keyname"):
        assert f"{package} " in licences
