"""A signing key is exchanged step by step, back and forth, and the old one stays while anything of it may be alive."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from fusebit_bridge import connection, door, issuers, keyring, rotation
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.models import Client, Purpose, Rotation, SigningKey, Step, TenantIssuer
from fusebit_bridge.permissions import Statement
from tests.fusebit_bridge.account import SmallAccount
from tests.fusebit_bridge.conftest import ACCOUNT
from tests.fusebit_bridge.wire import Wire

OURS = "onboarding-00112233445566dd"
THEIRS = "0a1b2c3d.clt-00112233445566cc.localhost"

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(wire: Wire, key: PrivateKey, profile: Callable[..., str], tmp_path: Path) -> SmallAccount:
    """A Fusebit with an imported client that may keep both issuers."""
    made = SmallAccount(wire, key.public_pem)
    made.issuers[THEIRS] = {"publicKeys": [{"keyId": key.key_id, "publicKey": key.public_pem}]}
    made.access |= {Statement("issuer:*", f"/account/{ACCOUNT}/issuer/{issuer}/") for issuer in (OURS, THEIRS)}
    file = tmp_path / "client.json"
    file.touch(0o600)
    file.write_text(profile(baseUrl=wire.url, pki__audience=wire.url))
    call_command("import_client", str(file), "--tenant-issuer", OURS)
    return made


def kids(account: SmallAccount, issuer: str) -> list[str]:
    return [key["keyId"] for key in account.issuers[issuer]["publicKeys"]]


def switched(purpose: Purpose) -> Rotation:
    found = rotation.begin(purpose)
    while found.step != Step.SWITCHED:
        found = rotation.advance(found)
    return found


def long_ago(found: Rotation) -> None:
    """As if the switch, and every use of the old key, had been an hour ago."""
    past = timezone.now() - timedelta(hours=1)
    Rotation.objects.filter(pk=found.pk).update(switched_at=past)
    SigningKey.objects.filter(pk=found.old_key_id).update(last_used_at=past)


@pytest.mark.parametrize(("purpose", "issuer"), [(Purpose.CLIENT, THEIRS), (Purpose.TENANT, OURS)])
def test_a_key_is_exchanged_with_both_registered_in_between(
    account: SmallAccount, purpose: Purpose, issuer: str
) -> None:
    (before,) = kids(account, issuer)

    found = switched(purpose)
    between = kids(account, issuer)
    long_ago(found)
    ended = rotation.advance(Rotation.objects.get(pk=found.pk))

    assert between == [before, found.new_key.key_id]
    assert kids(account, issuer) == [found.new_key.key_id]
    assert (ended.step, ended.ended_at is None) == (Step.RETIRED, False)
    assert not SigningKey.objects.filter(key_id=before).exists()
    signs = Client.objects.get().key if purpose == Purpose.CLIENT else TenantIssuer.objects.get(is_ours=True).key
    assert signs == found.new_key
    assert door.provisioner().me()


def test_the_old_key_is_not_retired_while_it_may_be_in_use(account: SmallAccount) -> None:
    found = switched(Purpose.CLIENT)

    with pytest.raises(rotation.MayNot, match="may still be in use"):
        rotation.advance(found)
    long_ago(found)
    assert found.old_key is not None
    SigningKey.objects.filter(pk=found.old_key_id).update(last_used_at=timezone.now())
    with pytest.raises(rotation.MayNot, match="may still be in use"):
        rotation.advance(Rotation.objects.get(pk=found.pk))

    assert len(kids(account, THEIRS)) == 2


def test_the_old_key_stays_as_long_as_a_token_that_was_handed_out(account: SmallAccount) -> None:
    until = timezone.now() + timedelta(days=30)
    door.call_token("local|1", "b-1", "hello", expires_at=until, issuer_id=OURS)
    found = switched(Purpose.TENANT)
    long_ago(found)

    with pytest.raises(rotation.MayNot, match="call tokens"):
        rotation.advance(Rotation.objects.get(pk=found.pk))


def test_every_step_but_the_last_can_be_undone(account: SmallAccount) -> None:
    (before,) = kids(account, THEIRS)
    found = switched(Purpose.CLIENT)

    back = rotation.undo(found)
    signs = Client.objects.get().key.key_id
    rotation.undo(back)

    assert (back.step, signs) == (Step.PROVEN, before)
    assert kids(account, THEIRS) == [before]
    assert not Rotation.objects.exists()
    assert SigningKey.objects.filter(purpose=Purpose.CLIENT).count() == 1
    assert door.provisioner().me()


def test_a_key_that_fusebit_does_not_accept_never_signs(account: SmallAccount) -> None:
    found = rotation.advance(rotation.begin(Purpose.CLIENT))
    account.issuers[THEIRS]["publicKeys"].pop()  # lost on the way

    with pytest.raises(rotation.MayNot, match="does not accept"):
        rotation.advance(found)

    assert Client.objects.get().key != found.new_key


def test_without_the_permission_the_command_is_named_and_nothing_changes(account: SmallAccount) -> None:
    account.access = {statement for statement in account.access if not statement.action.startswith("issuer")}

    with pytest.raises(rotation.LacksIssuer) as caught:
        rotation.advance(rotation.begin(Purpose.CLIENT))

    (command,) = caught.value.commands
    assert command.startswith("fuse client access add clt-")
    assert command.endswith(f"'issuer:*' -r /account/{ACCOUNT}/issuer/{THEIRS}/")
    assert len(kids(account, THEIRS)) == 1


def test_an_issuer_that_is_full_is_left_alone(account: SmallAccount) -> None:
    account.issuers[THEIRS]["publicKeys"] += [{"keyId": f"k{n}", "publicKey": "foo"} for n in range(2)]

    with pytest.raises(rotation.MayNot, match="3 keys already"):
        rotation.advance(rotation.begin(Purpose.CLIENT))


def test_beginning_twice_finds_the_exchange_that_is_under_way(account: SmallAccount) -> None:
    assert rotation.begin(Purpose.CLIENT) == rotation.begin(Purpose.CLIENT)
    assert SigningKey.objects.filter(purpose=Purpose.CLIENT).count() == 2


def test_registering_our_issuer_again_in_between_keeps_both_keys(account: SmallAccount) -> None:
    found = switched(Purpose.TENANT)
    del account.issuers[OURS]  # as after a loss at Fusebit

    issuers.ensure_registered()

    assert set(kids(account, OURS)) == {found.old_kid, found.new_key.key_id}
    assert {key["kid"] for key in issuers.public_keys()} == {found.old_kid, found.new_key.key_id}


def test_a_client_whose_issuer_serves_tenants_too_is_exchanged_for_both(account: SmallAccount) -> None:
    account.access = {statement for statement in account.access if OURS not in statement.resource}
    TenantIssuer.objects.update(registered_at=None)
    issuers.ensure_registered()

    found = switched(Purpose.CLIENT)

    lent = connection.issuer().key
    assert (lent.purpose, lent.key_id) == (Purpose.TENANT, found.new_key.key_id)
    with pytest.raises(rotation.MayNot, match="rotate the client's key"):
        rotation.begin(Purpose.TENANT)
    assert keyring.opens(lent)
