"""A running platform for the guide."""

from collections.abc import Iterator

import pytest

from tests.embedded import EmbeddedFusebit


@pytest.fixture(scope="session")
def fusebit() -> Iterator[EmbeddedFusebit]:
    """One server for the whole run; tests make names of their own."""
    server = EmbeddedFusebit().start()
    yield server
    server.stop()
