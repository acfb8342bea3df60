"""A Fusebit to check the contract against."""

from collections.abc import Iterator

import pytest

from tests.embedded import EmbeddedFusebit, running


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedFusebit]:
    """The embedded Fusebit, shared by the session."""
    with running(tmp_path_factory.mktemp("fusebit")) as fusebit:
        yield fusebit
