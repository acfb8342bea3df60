from django.db import migrations

# A person or a tenant that is deleted is forgotten in these two columns; nothing else of a row may ever change.
MAY_BE_EMPTIED = ("actor_id", "tenant_id")
COLUMNS = ("id", "action", "target", "detail", "at", "chain", "number", "actor_ref", "mark")
EVENTS, CHAINS = "tenants_auditevent", "tenants_auditchain"
REFUSAL = "the audit trail is append-only"


def guard(apps, schema_editor):
    """Refuse changes, whoever asks for them."""
    if schema_editor.connection.vendor == "sqlite":
        changed = [f"NEW.{name} IS NOT OLD.{name}" for name in COLUMNS]
        changed += [f"(NEW.{name} IS NOT NULL AND NEW.{name} IS NOT OLD.{name})" for name in MAY_BE_EMPTIED]
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        schema_editor.execute(
            f"CREATE TRIGGER audit_rows_stay_as_they_are BEFORE UPDATE ON {EVENTS} WHEN {' OR '.join(changed)} {refuse}"
        )
        schema_editor.execute(f"CREATE TRIGGER audit_rows_stay BEFORE DELETE ON {EVENTS} {refuse}")
        schema_editor.execute(f"CREATE TRIGGER audit_chains_stay BEFORE DELETE ON {CHAINS} {refuse}")
    elif schema_editor.connection.vendor == "postgresql":
        changed = [f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in COLUMNS]
        changed += [
            f"(NEW.{name} IS NOT NULL AND NEW.{name} IS DISTINCT FROM OLD.{name})" for name in MAY_BE_EMPTIED
        ]
        schema_editor.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        call = "EXECUTE FUNCTION audit_is_append_only()"
        schema_editor.execute(
            f"CREATE TRIGGER audit_rows_stay_as_they_are BEFORE UPDATE ON {EVENTS} FOR EACH ROW "
            f"WHEN ({' OR '.join(changed)}) {call}"
        )
        for table, name in ((EVENTS, "audit_rows_stay"), (CHAINS, "audit_chains_stay")):
            schema_editor.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW {call}")
            schema_editor.execute(
                f"CREATE TRIGGER {name}_altogether BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}"
            )


def release(apps, schema_editor):
    """Take the triggers away."""
    if schema_editor.connection.vendor == "sqlite":
        for name in ("audit_rows_stay_as_they_are", "audit_rows_stay", "audit_chains_stay"):
            schema_editor.execute(f"DROP TRIGGER {name}")
    elif schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION audit_is_append_only() CASCADE")


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0012_allowances'),
    ]

    operations = [
        migrations.RunPython(guard, release),
    ]
