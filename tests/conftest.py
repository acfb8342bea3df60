"""Marks and fixtures that every part of the suite may use."""

import pytest

ROW_FIXTURES = frozenset({"db", "transactional_db", "live_server", "embedded"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `rows` what touches a database, so that it can be run again on PostgreSQL."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if (item.get_closest_marker("django_db") or fixtures & ROW_FIXTURES) and not item.get_closest_marker("browser"):
            item.add_marker("rows")
