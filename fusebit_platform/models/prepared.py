"""Queries that are asked with every token: to write their SQL anew each time costs more than the answer."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, router
from django.db.models import Model, QuerySet


class Prepared:
    """Let the ORM write the SQL of a query once; ask it with other texts each time."""

    def __init__(self, model: type[Model], names: Sequence[str], write: Callable[..., QuerySet[Any, Any]]) -> None:
        """Prepare what `write` returns for lookups called `names`, each of them for one text."""
        self._model = model
        self._marks = {f"<{name}>": name for name in names}
        self._write = write
        self._written: dict[str, tuple[str, list[str]]] = {}  # by database

    def ask(self, **texts: str) -> list[tuple[Any, ...]]:
        """Return the rows for these texts."""
        alias = router.db_for_read(self._model)
        statement, names = self._written.get(alias) or self._write_for(alias)
        with connections[alias].cursor() as cursor:
            cursor.execute(statement, [texts[name] for name in names])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _write_for(self, alias: str) -> tuple[str, list[str]]:
        query = self._write(**{name: mark for mark, name in self._marks.items()}).query
        statement, marks = query.get_compiler(using=alias).as_sql()
        self._written[alias] = statement, [self._marks[mark] for mark in marks]
        return self._written[alias]
