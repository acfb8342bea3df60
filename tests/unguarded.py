"""Takes the triggers of the audit trail away for a while, as only somebody can who may change tables."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

guarding = importlib.import_module("tenants.migrations.0013_audit_is_append_only")


class Editor:
    """What the migration asks of a schema editor; works inside a transaction, too."""

    connection: Any = connection

    def execute(self, statement: str) -> None:
        """Run one statement; on PostgreSQL nothing may be left to check in the table whose triggers change."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statement)


@contextmanager
def audit_trail() -> Iterator[None]:
    """Let rows of the trail be changed inside the block; what was refused before is refused again afterwards."""
    guarding.release(None, Editor())
    try:
        yield
    finally:
        guarding.guard(None, Editor())
