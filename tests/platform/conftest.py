"""A running platform for the chapters of the contract."""

import secrets
from collections.abc import Iterator

import pytest

from tests.embedded import EmbeddedFusebit


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedFusebit]:
    """One server for the whole run; tests make names of their own."""
    server = EmbeddedFusebit().start()
    yield server
    server.stop()


@pytest.fixture
def boundary() -> str:
    """A boundary that nobody else uses."""
    return f"b-{secrets.token_hex(6)}"
