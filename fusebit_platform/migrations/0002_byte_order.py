"""Sorts and compares names byte by byte on PostgreSQL too, as SQLite does and the contract's lists expect."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = {
    "issuer": {"issuer_id": 1000},
    "function": {"boundary_id": 63, "function_id": 64},
    "storageitem": {"storage_id": 2000},
}


def use_byte_order(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give the sorted columns the C collation; SQLite's own is that already."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for model, columns in COLUMNS.items():
        table = apps.get_model("fusebit_platform", model)._meta.db_table
        for column, length in columns.items():
            schema_editor.execute(
                f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE varchar({length}) COLLATE "C"'
            )


class Migration(migrations.Migration):
    dependencies = [("fusebit_platform", "0001_initial")]
    operations = [migrations.RunPython(use_byte_order, migrations.RunPython.noop)]
