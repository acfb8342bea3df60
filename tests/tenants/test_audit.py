"""Whatever somebody does to the audit trail in the database is noticed, and the first wrong row is named."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import override_settings

from fusebit_bridge.models import DataKey
from tenants.models import AuditChain, AuditEvent, Tenant
from tenants.services import audit
from tests import unguarded as without_guards
from tests.cast import Cast
from tests.fusebit_bridge.test_encryption import Given


@pytest.fixture
def unguarded(cast: Cast) -> Iterator[None]:
    """The trail in the hands of somebody who has taken its triggers away."""
    with without_guards.audit_trail():
        yield


@pytest.fixture
def chain(cast: Cast) -> str:
    """A chain of six rows, of Ada's tenant."""
    for number in range(6 - AuditEvent.objects.filter(tenant=cast.tenant).count()):
        audit.record(
            action="tested", tenant=cast.tenant, actor=cast.ada, target="hello", number=number, nested={"b": 1}
        )
    return str(cast.tenant.pk)


def found() -> list[tuple[int, str]]:
    return [(finding.number, finding.problem) for finding in audit.verify()]


def row(chain: str, number: int) -> "AuditEvent":
    return AuditEvent.objects.get(chain=chain, number=number)


@pytest.mark.parametrize(
    "harm",
    [
        lambda rows: rows.update(action="nothing"),
        lambda rows: rows.update(detail={"number": 9}),
        lambda rows: rows.update(number=None),
        lambda rows: rows.update(actor=User.objects.get(username="op")),
        lambda rows: rows.update(tenant=Tenant.objects.exclude(pk=rows.get().tenant_id).first()),
        lambda rows: rows.delete(),
        lambda _: AuditChain.objects.all().delete(),
    ],
)
def test_the_database_refuses_to_change_or_forget_a_row(chain: str, harm: Callable[[Any], object]) -> None:
    rows = AuditEvent.objects.filter(chain=chain, number=4)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        harm(rows)

    assert found() == []


def test_a_person_who_is_deleted_is_forgotten_in_the_trail_and_nothing_else_is(cast: Cast, chain: str) -> None:
    cast.ada.delete()

    assert row(chain, 4).actor is None
    assert row(chain, 4).actor_ref
    assert found() == []


def test_an_untouched_trail_verifies(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")

    assert found() == []
    assert "rows were checked, 0 of them" in capsys.readouterr().out


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "nothing"),
        ("target", "other"),
        ("detail", {"number": 9}),
        ("actor_ref", "42"),
        ("mark", "0" * 64),
        ("mark", "-" + "0" * 64),
    ],
)
def test_a_changed_column_names_its_row(chain: str, column: str, value: object) -> None:
    AuditEvent.objects.filter(chain=chain, number=4).update(**{column: value})

    assert found() == [(4, "a row was changed")]


@pytest.mark.usefixtures("unguarded")
def test_a_changed_time_names_its_row(chain: str) -> None:
    AuditEvent.objects.filter(chain=chain, number=2).update(at=row(chain, 2).at + timedelta(microseconds=1))

    assert found() == [(2, "a row was changed")]


def delete(chain: str) -> None:
    row(chain, 3).delete()


def truncate(chain: str) -> None:
    row(chain, 6).delete()


def insert(chain: str) -> None:
    head = AuditChain.objects.get(pk=chain)
    AuditEvent.objects.create(chain=chain, number=7, action="forged", mark=head.mark)


def reorder(chain: str) -> None:
    two, three = row(chain, 2), row(chain, 3)
    AuditEvent.objects.filter(pk=two.pk).update(number=99)
    AuditEvent.objects.filter(pk=three.pk).update(number=2)
    AuditEvent.objects.filter(pk=two.pk).update(number=3)


def unlink(chain: str) -> None:
    AuditEvent.objects.filter(chain=chain, number=6).update(number=None)


def forget_everything(chain: str) -> None:
    AuditEvent.objects.filter(chain=chain).delete()
    AuditChain.objects.filter(pk=chain).delete()


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (delete, (3, "a row is missing")),
        (truncate, (6, "the newest rows are missing")),
        (insert, (7, "a row was changed")),
        (reorder, (2, "a row was changed")),
        (unlink, (6, "the newest rows are missing")),
        (forget_everything, (0, "the whole chain of a tenant is gone")),
    ],
)
def test_rows_taken_away_added_or_moved_are_noticed(
    chain: str, harm: Callable[[str], None], finding: tuple[int, str]
) -> None:
    harm(chain)

    assert found() == [finding]
    with pytest.raises(CommandError, match="1 chains"):
        call_command("verify_audit")


@pytest.mark.usefixtures("unguarded")
def test_marks_made_again_without_the_key_are_noticed(chain: str) -> None:
    before = row(chain, 3).mark
    with override_settings(KEY_ENCRYPTION_KEYS=Given("")):
        for number in (4, 5, 6):
            fresh = row(chain, number)
            fresh.mark = before = audit._mark(fresh, before, unkeyed=True)
            fresh.save()
        AuditChain.objects.filter(pk=chain).update(mark=before)

    assert found() == [(4, "a row was marked without the key")]


@pytest.mark.usefixtures("unguarded")
def test_before_there_is_a_key_rows_are_chained_all_the_same(cast: Cast) -> None:
    AuditEvent.objects.all().delete()
    AuditChain.objects.all().delete()
    DataKey.objects.all().delete()
    with override_settings(KEY_ENCRYPTION_KEYS=Given("")):
        audit.record(action="early", tenant=cast.tenant, actor=None)
    audit.record(action="later", tenant=cast.tenant, actor=cast.ada)
    audit.record(action="elsewhere", tenant=cast.cy.tenants.get(), actor=cast.cy)

    assert found() == []
    assert audit.counts() == (3, 1)


def test_a_change_that_fails_leaves_no_row_and_no_gap(cast: Cast) -> None:
    with transaction.atomic():
        audit.record(action="undone", tenant=cast.tenant, actor=cast.ada)
        transaction.set_rollback(True)
    audit.record(action="done", tenant=cast.tenant, actor=cast.ada)

    assert found() == []
    assert not AuditEvent.objects.filter(action="undone").exists()
