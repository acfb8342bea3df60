"""Versions are immutable, numbered, and never saved over somebody else's."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from tenants.errors import InvalidInput, NameTaken, QuotaReached, StaleVersion
from tenants.models import AuditEvent, Function, FunctionVersion
from tenants.services import functions, starters
from tests.cast import Cast, assemble

FILES = {"index.js": "module.exports = async (ctx) => ({});"}


def test_a_save_makes_the_next_version_with_author_and_message(cast: Cast) -> None:
    change = functions.Change(files=FILES, message="Shorter")

    version = functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)

    assert (version.number, version.files, version.message, version.author) == (2, FILES, "Shorter", cast.ada)
    assert AuditEvent.objects.filter(action="function.saved", target="hello").count() == 1


def test_a_save_keeps_the_settings_that_it_does_not_name(cast: Cast) -> None:
    configured = functions.Change(files=FILES, configuration={"GREETING": "Hi"})
    functions.save(function=cast.hello, change=configured, base_version=1, author=cast.ada)

    version = functions.save(function=cast.hello, change=functions.Change(files=FILES), base_version=2, author=cast.ada)

    assert version.configuration == {"GREETING": "Hi"}
    assert version.security == starters.CLOSED


def test_a_save_over_somebody_elses_is_refused_and_names_the_current_version(cast: Cast) -> None:
    change = functions.Change(files=FILES)
    functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)

    with pytest.raises(StaleVersion) as refused:
        functions.save(function=cast.hello, change=change, base_version=1, author=cast.ben)

    assert refused.value.current == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_saves_at_once_one_wins_and_the_other_is_told() -> None:
    cast = assemble()

    def save(_: int) -> str:
        try:
            functions.save(function=cast.hello, change=functions.Change(files=FILES), base_version=1, author=cast.ada)
        except StaleVersion:
            return "stale"
        finally:
            connections.close_all()
        return "saved"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(save, range(8)))

    assert outcomes == ["saved"] + ["stale"] * 7
    assert FunctionVersion.objects.filter(function=cast.hello).count() == 2


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../x.js",
            "/etc/x",
            "a/../../x",
            "a\\b.js",
            ".",
            "",
            "a//b.js",
            "a\x00.js",
            "x" * 256,
            ".npmrc",
            "index.js/",
        ),
        *("node_modules/x.js", "__proto__", "constructor", "package-lock.json", "a/.env", "index.js\n", "INDEX.js"),
    ],
)
def test_a_path_that_is_not_a_plain_file_name_is_refused(cast: Cast, path: str) -> None:
    change = functions.Change(files={**FILES, path: "x"})

    with pytest.raises(InvalidInput):
        functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"index.js": "  "},
        {"main.js": "x"},
        {"index.js": "x", "package.json": "{"},
        {"index.js": "x", "package.json": "[]"},
        {"index.js": "x", "package.json": "[" * 100_000},
        {"index.js": "x" * 400_001},
        {"index.js": "a\x00b"},
        {"index.js": "\ud800"},
        {"index.js": "x", **{f"f{n}.js": "" for n in range(100)}},
    ],
)
def test_files_that_cannot_be_a_function_are_refused(cast: Cast, files: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        functions.save(function=cast.hello, change=functions.Change(files=files), base_version=1, author=cast.ada)

    assert cast.hello.latest.number == 1


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "hello\n", "é", "x" * 65, "a_b"])
def test_a_name_that_fusebit_would_refuse_is_refused_here(cast: Cast, name: str) -> None:
    with pytest.raises(InvalidInput):
        functions.create(tenant=cast.tenant, name=name, starter=starters.blank(), author=cast.ada)


def test_a_tenant_has_as_many_functions_as_the_operator_allows(cast: Cast, settings: Any) -> None:
    settings.MAX_FUNCTIONS_PER_TENANT = 2.0
    functions.create(tenant=cast.tenant, name="second", starter=starters.blank(), author=cast.ada)

    with pytest.raises(QuotaReached, match="This workspace has 2 functions, as many as it may"):
        functions.create(tenant=cast.tenant, name="third", starter=starters.blank(), author=cast.ada)

    Function.objects.filter(name="second").update(deleted_at=timezone.now())
    assert functions.create(tenant=cast.tenant, name="third", starter=starters.blank(), author=cast.ada).name == "third"


def test_a_name_is_taken_once_per_tenant(cast: Cast) -> None:
    with pytest.raises(NameTaken):
        functions.create(tenant=cast.tenant, name="hello", starter=starters.blank(), author=cast.ada)

    other = cast.cy.tenants.get()
    assert functions.create(tenant=other, name="hello", starter=starters.blank(), author=cast.cy).name == "hello"
