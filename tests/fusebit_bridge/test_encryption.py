"""Keys at rest open for their own row only, and change their encryption key without being lost."""

import base64
import resource
import uuid
from collections.abc import Callable

import pytest
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings

from fusebit_bridge import keyring
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.encryption import CannotDecrypt, Ring, ring_for
from fusebit_bridge.errors import NotConfigured
from fusebit_bridge.models import SigningKey

OLD = base64.b64encode(bytes(range(32))).decode()
NEW = base64.b64encode(bytes(range(32, 64))).decode()


class Given:
    """A secret that reads as the test says."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> str:
        return self.text


class Unreadable:
    """A secret in a file that this process may not read."""

    def read(self) -> str:
        raise ImproperlyConfigured("CLIENT_KEY_ENCRYPTION_KEYS_FILE cannot be read: Permission denied.")


@pytest.fixture
def stored(db: None, key: PrivateKey) -> SigningKey:
    return keyring.store(key, purpose="tenant", issuer_id="onboarding-1")


def test_a_stored_key_signs_again(stored: SigningKey, key: PrivateKey) -> None:
    keyring.forget()
    assert keyring.load(stored).fingerprint == key.fingerprint


def test_a_process_that_has_read_a_key_leaves_no_image_of_its_memory(stored: SigningKey) -> None:
    keyring.forget()
    keyring.load(stored)
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_a_key_is_parsed_once_and_again_when_its_row_changes(stored: SigningKey, other_pem: str) -> None:
    first = keyring.load(stored)
    assert keyring.load(SigningKey.objects.get()) is first
    keyring.store(
        PrivateKey(other_pem, key_id=stored.key_id, algorithm="RS256"), purpose="tenant", issuer_id="onboarding-1"
    )
    assert keyring.load(SigningKey.objects.get()).fingerprint != first.fingerprint


def test_ciphertexts_swapped_between_two_rows_do_not_open(db: None, key: PrivateKey, other_pem: str) -> None:
    one = keyring.store(key, purpose="tenant", issuer_id="onboarding-1")
    other = keyring.store(
        PrivateKey(other_pem, key_id="other", algorithm="RS256"), purpose="tenant", issuer_id="onboarding-1"
    )
    keyring.forget()
    one.sealed, other.sealed = other.sealed, one.sealed
    for row in (one, other):
        row.save()
        with pytest.raises(CannotDecrypt):
            keyring.load(row)


@pytest.mark.parametrize("member", ["id", "version"])
def test_a_ciphertext_is_bound_to_its_row_and_version(stored: SigningKey, member: str) -> None:
    keyring.forget()
    setattr(stored, member, uuid.uuid4() if member == "id" else 2)
    with pytest.raises(CannotDecrypt):
        keyring.load(stored)


def test_the_purposes_do_not_open_each_others_keys(stored: SigningKey) -> None:
    keyring.forget()
    stored.purpose = "client"
    with pytest.raises(CannotDecrypt):
        keyring.load(stored)
    both = Given(OLD)
    with override_settings(KEY_ENCRYPTION_KEYS=both, CLIENT_KEY_ENCRYPTION_KEYS=both):
        sealed = ring_for("tenant").seal("x", "table", "tenant")
        with pytest.raises(CannotDecrypt):
            ring_for("client").open(sealed, "table", "client")


def test_contexts_of_the_same_letters_are_different_contexts() -> None:
    ring = Ring.parse(OLD, "KEYS")
    sealed = ring.seal("x", "ab", "c")
    for context in (("a", "bc"), ("abc",), ("ab", "c", "")):
        with pytest.raises(CannotDecrypt):
            ring.open(sealed, *context)


def test_any_changed_character_is_noticed() -> None:
    ring = Ring.parse(OLD, "KEYS")
    sealed = ring.seal("secret", "row")
    for position in range(len(sealed)):
        changed = sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
        try:
            assert ring.open(changed, "row") == "secret"  # only unused bits of the last base64 digit
        except CannotDecrypt:
            continue
        assert position in {sealed.rindex(".") - 1, len(sealed) - 1}


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    old, both = Ring.parse(OLD, "KEYS"), Ring.parse(f"{NEW}, {OLD}", "KEYS")
    sealed = old.seal("x", "row")
    assert both.open(sealed, "row") == "x"
    assert not both.is_current(sealed)
    assert both.is_current(both.seal("x", "row"))
    with pytest.raises(CannotDecrypt, match="not in KEYS"):
        old.open(both.seal("x", "row"), "row")


@pytest.mark.parametrize("text", ["", " , ", "x", base64.b64encode(b"short").decode(), f"{OLD},x", OLD[:-2]])
def test_a_ring_that_cannot_be_used_is_refused_by_the_settings_name(text: str) -> None:
    with pytest.raises(NotConfigured, match="KEY_ENCRYPTION_KEYS") as caught:
        Ring.parse(text, "KEY_ENCRYPTION_KEYS")
    assert OLD[:20] not in str(caught.value)
    assert OLD[:20] not in caught.value.detail


def test_a_process_without_the_ring_gets_a_clear_error() -> None:
    with (
        override_settings(CLIENT_KEY_ENCRYPTION_KEYS=Unreadable()),
        pytest.raises(NotConfigured, match="cannot be read"),
    ):
        ring_for("client")


def test_the_encryption_key_is_changed_without_losing_a_key(
    db: None, key: PrivateKey, other_pem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with override_settings(KEY_ENCRYPTION_KEYS=Given(OLD)):
        keyring.store(key, purpose="tenant", issuer_id="onboarding-1")
    with override_settings(KEY_ENCRYPTION_KEYS=Given(f"{NEW},{OLD}")):
        call_command("rotate_encryption_keys")
        call_command("rotate_encryption_keys")
    first, may_go, again, _ = capsys.readouterr().out.splitlines()
    assert (first, again) == ("1 keys were encrypted again.", "0 keys were encrypted again.")
    assert may_go.startswith("KEY_ENCRYPTION_KEYS, key 2 (")
    assert may_go.endswith("protects 0 keys: it may be taken away.")
    keyring.forget()
    with override_settings(KEY_ENCRYPTION_KEYS=Given(NEW)):
        assert keyring.load(SigningKey.objects.get()).fingerprint == key.fingerprint


def test_rotation_names_what_it_cannot_read_and_fails(stored: SigningKey, capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(KEY_ENCRYPTION_KEYS=Given(NEW)), pytest.raises(CommandError, match="1 keys"):
        call_command("rotate_encryption_keys")
    assert "onboarding-1" in capsys.readouterr().err


def test_a_fixture_of_the_keys_is_refused(stored: SigningKey) -> None:
    with pytest.raises(TypeError, match="not exported"):
        serializers.serialize("json", SigningKey.objects.all())


def test_nothing_readable_of_the_key_is_in_its_row(stored: SigningKey, secret_shows: Callable[[str], bool]) -> None:
    row = SigningKey.objects.values().get()
    assert not secret_shows(repr(row))
    assert secret_shows(keyring.load(stored).export())
