"""Indexes the names and e-mail addresses of agents by groups of three characters, for filters on parts of them."""

from django.apps.registry import Apps
from django.db import DatabaseError, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "fusebit_platform_agent_text"
# Filled by services.agent_text, not by triggers: a database file that nobody trusts can not make them run.
SQLITE = (
    f"CREATE VIRTUAL TABLE {TABLE} USING fts5(names, email, tokenize='trigram case_sensitive 1')",
    f"INSERT INTO {TABLE}(rowid, names, email) SELECT number, first_name || char(10) || last_name || char(10) || "
    "display_name, primary_email FROM fusebit_platform_agent",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    f"CREATE INDEX {TABLE} ON fusebit_platform_agent USING gin (first_name gin_trgm_ops, last_name gin_trgm_ops, "
    "display_name gin_trgm_ops, primary_email gin_trgm_ops)",
)


def index_text(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the index; on a PostgreSQL that does not let us have pg_trgm, filters read every agent instead."""
    connection = schema_editor.connection
    if connection.vendor == "sqlite":
        for statement in SQLITE:
            schema_editor.execute(statement)
        return
    try:
        with transaction.atomic(using=connection.alias):
            for statement in POSTGRESQL:
                schema_editor.execute(statement)
    except DatabaseError:
        pass


class Migration(migrations.Migration):
    dependencies = [("fusebit_platform", "0002_byte_order")]
    operations = [migrations.RunPython(index_text, migrations.RunPython.noop)]
