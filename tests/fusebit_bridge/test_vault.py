"""What people entrust to the product opens for its owner and its row only, and for nobody once the key is gone."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.test import override_settings

from fusebit_bridge import door, vault
from fusebit_bridge.models import DataKey
from tests.fusebit_bridge.test_encryption import NEW, OLD, Given

pytestmark = pytest.mark.django_db
ROW = ("secrets", "sealed", "row-1")


@pytest.fixture(autouse=True)
def nothing_opened() -> Iterator[None]:
    """Let no test use a key that another one opened."""
    vault.forget()
    yield
    vault.forget()


def test_what_was_sealed_opens_again_in_another_process() -> None:
    sealed = door.vault("tenant-1").seal("sk_live_1234", *ROW)
    vault.forget()

    assert door.vault("tenant-1").open(sealed, *ROW) == "sk_live_1234"
    assert "sk_live_1234" not in sealed


@pytest.mark.parametrize(
    ("owner", "row"), [("tenant-2", ROW), ("tenant-1", ("secrets", "sealed", "row-2")), ("tenant-1", ROW[:2])]
)
def test_another_owner_or_another_row_does_not_open_it(owner: str, row: tuple[str, ...]) -> None:
    sealed = door.vault("tenant-1").seal("x", *ROW)

    with pytest.raises(door.CannotDecrypt):
        door.vault(owner).open(sealed, *row)


def test_two_owners_keys_swapped_in_their_rows_do_not_open() -> None:
    door.vault("tenant-1"), door.vault("tenant-2")
    one, other = DataKey.objects.order_by("owner")
    DataKey.objects.filter(pk=one.pk).update(sealed=other.sealed)

    with pytest.raises(door.CannotDecrypt):
        door.vault("tenant-1")


def test_shredding_the_key_makes_everything_unreadable_for_ever() -> None:
    sealed = door.vault("tenant-1").seal("x", *ROW)

    assert door.shred("tenant-1")
    assert not door.shred("tenant-1")
    with pytest.raises(door.CannotDecrypt):
        door.vault("tenant-1").open(sealed, *ROW)


def test_changing_the_encryption_key_wraps_data_keys_again_and_touches_nothing_else() -> None:
    with override_settings(KEY_ENCRYPTION_KEYS=Given(OLD)):
        sealed, mark = door.vault("tenant-1").seal("x", *ROW), door.vault("tenant-1").authenticate("row")
    with override_settings(KEY_ENCRYPTION_KEYS=Given(f"{NEW},{OLD}")):
        call_command("rotate_encryption_keys")
    vault.forget()

    with override_settings(KEY_ENCRYPTION_KEYS=Given(NEW)):
        assert door.vault("tenant-1").open(sealed, *ROW) == "x"
        assert door.vault("tenant-1").authenticate("row") == mark


def test_a_mark_is_the_owners_own() -> None:
    mark = door.vault("audit").authenticate("row")

    assert len(mark) == 64
    assert mark != door.vault("tenant-1").authenticate("row")
    assert mark != door.vault("audit").authenticate("row ")


def test_the_row_and_the_repr_hold_nothing_readable() -> None:
    opened = door.vault("tenant-1")

    assert repr(opened) == "<Vault tenant-1>"
    assert DataKey.objects.get().sealed.startswith("v1.")
