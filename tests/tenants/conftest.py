"""The cast, in the database."""

import pytest

from tests.cast import Cast, assemble


@pytest.fixture
def cast(db: None) -> Cast:
    """Ada, Ben, Cy and Op."""
    return assemble()
