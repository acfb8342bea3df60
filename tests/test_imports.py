"""Every import contract of the architecture notices the import that it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("onboarding", "tenants", "fusebit_bridge", "fusebit_platform")

# contract, module that gets the line, the forbidden line
VIOLATIONS = [
    ("banks", "fusebit_bridge/door.py", "import tenants.models"),
    ("banks", "tenants/selectors.py", "import onboarding.environment"),
    ("far-bank", "fusebit_platform/resources.py", "import fusebit_bridge.permissions"),
    ("near-bank", "fusebit_bridge/door.py", "import fusebit_platform.resources"),
    ("near-bank", "onboarding/urls.py", "import fusebit_platform.models"),
    ("keys", "tenants/services/invocations.py", "import jwt"),
    ("keys", "tenants/services/invocations.py", "import requests"),
    ("keys", "tenants/models/access.py", "from cryptography import fernet"),
    ("door", "tenants/admin/__init__.py", "from fusebit_bridge import door"),
    ("core", "fusebit_bridge/client.py", "from django.conf import settings"),
    ("core", "fusebit_bridge/tokens.py", "import fusebit_bridge.models"),
    ("tenants", "tenants/models/tenancy.py", "import tenants.services.audit"),
    ("tenants", "tenants/selectors.py", "import tenants.services.audit"),
    ("platform", "fusebit_platform/models/functions.py", "import fusebit_platform.services.agents"),
    ("runtime", "fusebit_platform/runtime/__init__.py", "import django.conf"),
    ("runtime", "fusebit_platform/runtime/outlets.py", "import fusebit_platform.egress.proxy"),
    ("egress", "fusebit_platform/egress/rules.py", "import fusebit_platform.runtime.builds"),
]


def lint(directory: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Run one contract over the tree in `directory`."""
    program = Path(sys.executable).parent / "lint-imports"
    command = [str(program), "--contract", contract, "--no-cache", "--config", "pyproject.toml"]
    environment = {**os.environ, "PYTHONPATH": str(directory)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the packages to break things in."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "static", "frontend")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_forbidden_import_breaks_its_contract(copy: Path, contract: str, module: str, line: str) -> None:
    target = copy / module
    target.write_text(f"{target.read_text()}\n{line}\n")

    result = lint(copy, contract)

    assert result.returncode != 0
    assert "BROKEN" in result.stdout, result.stdout + result.stderr


def test_the_tree_keeps_every_contract_as_it_is() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    result = subprocess.run([str(program)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout
