"""The examples of docs/api.md are run as they are written, against the real thing, and print what the page says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer
from rest_framework import exceptions

from onboarding import views
from tenants.errors import TenantError
from tenants.services import tokens
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.conftest import import_client
from tests.tenants.test_against_fusebit import work

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
EXAMPLES = re.findall(r"```(python|js)\n(.*?)```.*?```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = {
    "python": [sys.executable, "-"],
    "js": [str(Path(sys.executable).parent / "node"), "--input-type=module", "-"],
}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


@pytest.mark.parametrize(("language", "code", "printed"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_an_example_prints_what_the_page_says(
    language: str,
    code: str,
    printed: str,
    live_server: LiveServer,
    shared_fusebit: EmbeddedFusebit,
    tmp_path: Path,
) -> None:
    import_client(shared_fusebit, tmp_path)
    ada = person("ada")
    founded(ada)
    work()
    _, token = tokens.create(user=ada, name="docs", scope="write")
    environment = {"PATH": os.environ["PATH"], "SITE": live_server.url, "TOKEN": token, "PYTHONIOENCODING": "utf-8"}

    done = subprocess.run(
        COMMANDS[language], input=code, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.stdout, done.stderr) == (printed, "")


def test_an_example_is_short_and_there_are_two() -> None:
    assert [language for language, _, _ in EXAMPLES] == ["python", "js"]
    assert all(len([line for line in code.splitlines() if line.strip()]) <= 22 for _, code, _ in EXAMPLES)


def of_our_errors(kind: type[TenantError] = TenantError) -> Iterator[tuple[str, int]]:
    for inner in kind.__subclasses__():
        yield inner.code, int(inner.status)
        yield from of_our_errors(inner)


def test_every_error_code_is_in_the_table_with_its_status() -> None:
    table = {
        code: int(status) for code, status in re.findall(r"^\| `(\w+)` \| (\d{3}) \|", PAGE.read_text(), re.MULTILINE)
    }
    ours = dict(of_our_errors())
    sources = [*(PAGE.parents[1] / "tenants" / "api").rglob("*.py"), PAGE.parents[1] / "tenants/services/roles.py"]
    named = {
        code for path in sources for code in re.findall(r'(?:code=|default_code = |Refusal\()"(\w+)"', path.read_text())
    }
    framework = {
        kind.default_code: kind.status_code
        for kind in exceptions.APIException.__subclasses__()
        if kind.__module__ == exceptions.__name__ and kind is not exceptions.AuthenticationFailed
    }

    assert {code: table.get(code) for code in ours} == ours
    assert {code: table.get(code) for code in framework} == framework
    assert named - table.keys() == set()
    assert {code for code, _ in views.WORDS.values()} <= table.keys()
