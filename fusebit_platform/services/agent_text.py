"""Finds agents by a part of a name or e-mail address, with regard to case, through an index of character triples."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db.backends.utils import CursorWrapper
from django.db.models import Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import StrIndex

from fusebit_platform.models import Agent
from fusebit_platform.services import transactions

NAMES = ("first_name", "last_name", "display_name")
EMAIL = ("primary_email",)
FIND = "SELECT rowid FROM fusebit_platform_agent_text WHERE fusebit_platform_agent_text MATCH %s"
REMEMBER = "INSERT INTO fusebit_platform_agent_text(rowid, names, email) VALUES (%s, %s, %s)"
FORGET = "DELETE FROM fusebit_platform_agent_text WHERE rowid = %s"
SHORTEST = 3  # what the index knows; shorter parts are common, so that a page fills soon without it


def containing(rows: "QuerySet[Agent]", columns: Sequence[str], part: str) -> "QuerySet[Agent]":
    """Return the rows of which one of the columns contains `part`."""
    if transactions.connection().vendor != "sqlite":
        return rows.filter(_any(columns, "contains", part))
    at = {f"at_{column}": StrIndex(column, Value(part)) for column in columns}
    rows = rows.alias(**at).filter(_any([*at], "gt", 0))
    if len(part) < SHORTEST:
        return rows
    phrase = part.replace('"', '""')
    wanted = f'{"names" if columns == NAMES else "email"} : "{phrase}"'
    indexed = RawSQL(FIND, [wanted])  # noqa: S611 (a constant)
    return rows.filter(number__in=indexed)


def remember(agents: Iterable[Agent]) -> None:
    """Bring the index up to date with agents that were written; PostgreSQL does that itself."""
    rows = [(agent.number, "\n".join(getattr(agent, name) for name in NAMES), agent.primary_email) for agent in agents]
    with _cursor() as cursor:
        if cursor is not None:
            cursor.executemany(FORGET, [row[:1] for row in rows])
            cursor.executemany(REMEMBER, rows)


def forget(number: int) -> None:
    """Take an agent out of the index."""
    with _cursor() as cursor:
        if cursor is not None:
            cursor.execute(FORGET, [number])


@contextmanager
def _cursor() -> "Iterator[CursorWrapper | None]":
    connection = transactions.connection()
    if connection.vendor != "sqlite":
        yield None
        return
    with connection.cursor() as cursor:
        yield cursor


def _any(columns: Sequence[str], lookup: str, value: object) -> Q:
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__{lookup}": value})
    return wanted
