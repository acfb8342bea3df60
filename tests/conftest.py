"""Marks and fixtures that every part of the suite may use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", deadline=None)  # a busy machine is not a failure
hypothesis.settings.load_profile("suite")

TESTS = Path(__file__).resolve().parent
GATE = frozenset({"escape", "faults"})  # directories whose cases .ci/run adds to README's test command
WITH_ROWS = "faults"  # a directory all of whose cases are about what becomes of rows
ROW_FIXTURES = frozenset({"db", "transactional_db", "live_server", "embedded"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `rows` what touches a database, so that it can be run again on PostgreSQL; as `gate` what takes long."""
    for item in items:
        directory = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if directory in GATE:
            item.add_marker("gate")
        if directory == WITH_ROWS:
            item.add_marker("rows")
        fixtures = set(getattr(item, "fixturenames", ()))
        if (item.get_closest_marker("django_db") or fixtures & ROW_FIXTURES) and not item.get_closest_marker("browser"):
            item.add_marker("rows")


@pytest.fixture(autouse=True, scope="session")
def _empty_the_audit_trail_between_tests() -> Iterator[None]:
    """Let the emptying of the tables after a test that commits get past the trail's triggers."""
    from django.test import TransactionTestCase

    from tests import unguarded

    emptied = TransactionTestCase._fixture_teardown

    def teardown(case: TransactionTestCase) -> None:
        with unguarded.audit_trail():
            emptied(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(autouse=True)
def _remember_nothing() -> None:
    """Let no test go by what another one was told about the extensions of its Fusebit, or had left of a rate."""
    mirroring = sys.modules.get("tenants.services.mirroring")
    if mirroring is not None:
        mirroring.forget_offers()
    allowances = sys.modules.get("tenants.services.allowances")
    if allowances is not None:
        allowances.forget()
