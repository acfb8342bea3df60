"""Sends each bank's models to its own database, as in production, where they never meet."""

from typing import Any

from django.db.models import Model


class TwoBanks:
    """The embedded Fusebit's tables live in `platform`, everything else in `default`."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:
        """Return the alias for reading `model`."""
        return "platform" if model._meta.app_label == "fusebit_platform" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        """Tell whether `app_label` has tables in `db`."""
        return (app_label == "fusebit_platform") == (db == "platform")
