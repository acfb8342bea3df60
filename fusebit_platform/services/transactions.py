"""Where rows are written: one transaction per change, durable when it is acknowledged."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from fusebit_platform import generation
from fusebit_platform.models import Account


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to the platform's database."""
    return connections[router.db_for_write(Account)]


@contextmanager
def change(*, agents: bool = False) -> Iterator[None]:
    """Run the block in one transaction and begin a new generation once it is committed.

    With `agents` the change concerns who may sign in or what they may do.
    """
    with transaction.atomic(using=connection().alias):
        yield
        transaction.on_commit(lambda: generation.bump(agents=agents), using=connection().alias)


@contextmanager
def unnoticed() -> Iterator[None]:
    """Run the block in one transaction that changes no answer anybody remembers."""
    with transaction.atomic(using=connection().alias):
        yield


@contextmanager
def note() -> Iterator[None]:
    """Run the block so that its rows survive a killed process at once and a power cut soon.

    For rows that record a decision: they must be readable by the next request, but nobody was promised a change. The
    next durable commit on the same database makes them durable too.
    """
    current = connection()
    if current.in_atomic_block:
        yield
    elif current.vendor == "sqlite":
        with current.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
            try:
                yield
            finally:
                cursor.execute("PRAGMA synchronous=FULL")
    else:
        with transaction.atomic(using=current.alias):
            with current.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO off")
            yield
