"""The same corpus again as an ordinary user, for those who do not run the platform as root."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOMEBODY = 20_017
FILES = ("test_attacks.py", "test_hostile_functions.py", "test_kills.py", "test_egress_layers.py")


def as_somebody(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, user=SOMEBODY, group=SOMEBODY, extra_groups=[], capture_output=True, text=True, check=False, **options
    )


def works(python: str) -> bool:
    try:
        return as_somebody([python, "-c", "import json, ctypes, ssl"], cwd="/").returncode == 0
    except OSError:
        return False


def interpreter(directory: Path) -> str:
    """Return a Python of this very version that an ordinary user can reach, a copy where there is no other."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        if works(candidate):
            return candidate
    library = Path(sysconfig.get_path("stdlib"))
    ignored = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a")
    shutil.copytree(library, directory / "lib" / name, ignore=ignored)
    (directory / "bin").mkdir()
    copied = shutil.copy(Path(sys.executable).resolve(), directory / "bin" / name)
    return str(copied)


if os.geteuid() == 0:

    @pytest.fixture
    def own() -> Iterator[Path]:
        """A directory that is the ordinary user's, outside of those that belong to root alone."""
        with tempfile.TemporaryDirectory(prefix="ordinary-") as name:
            os.chown(name, SOMEBODY, SOMEBODY)
            yield Path(name)

    def test_an_ordinary_user_is_as_safe(own: Path) -> None:
        arguments = ["-q", "-n", "2", "-p", "no:cacheprovider", f"--basetemp={own / 'tests'}"]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "NODE_BINARY") if name in os.environ}
        packages = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
        own_environment = {"HOME": str(own), "TMPDIR": str(own), "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
        ran = as_somebody(
            [interpreter(own / "python"), "-m", "pytest", *arguments, *(f"tests/escape/{name}" for name in FILES)],
            cwd=ROOT,
            env={**kept, **own_environment},
        )
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
        assert "passed" in ran.stdout
