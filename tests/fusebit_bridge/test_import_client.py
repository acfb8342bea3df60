"""`import_client` takes a profile once and again, registers our issuer where it may, and never shows the key."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from fusebit_bridge import door, keyring
from fusebit_bridge.credentials import ClientProfile, PrivateKey
from fusebit_bridge.models import Client, SigningKey, TenantIssuer
from fusebit_bridge.permissions import Statement
from tests.fusebit_bridge.account import CLIENT, SmallAccount
from tests.fusebit_bridge.conftest import ACCOUNT
from tests.fusebit_bridge.test_encryption import NEW, Given, Unreadable
from tests.fusebit_bridge.wire import Wire, say

OURS = "onboarding-00112233445566dd"

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(wire: Wire, key: PrivateKey) -> SmallAccount:
    """A Fusebit whose client has the guide's two grants and nothing on issuers."""
    return SmallAccount(wire, key.public_pem)


@pytest.fixture
def file(tmp_path: Path, profile: Callable[..., str], account: SmallAccount) -> Path:
    path = tmp_path / "client.json"
    path.touch(0o600)
    path.write_text(profile(baseUrl=account.wire.url, pki__audience=account.wire.url))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: object) -> str:
        call_command("import_client", *map(str, arguments))
        return capsys.readouterr().out

    return call


def allow_issuer(account: SmallAccount, action: str = "issuer:*", issuer: str = OURS) -> None:
    account.access.add(Statement(action, f"/account/{ACCOUNT}/issuer/{issuer}/"))


def test_a_client_that_may_registers_our_issuer(run: Callable[..., str], file: Path, account: SmallAccount) -> None:
    allow_issuer(account)
    said = run(file, "--tenant-issuer", OURS)
    assert OURS in said
    assert f"delete {file}" in said
    registered = account.issuers[OURS]["publicKeys"]
    assert registered == [
        {"keyId": row.key_id, "publicKey": row.public_key} for row in SigningKey.objects.filter(purpose="tenant")
    ]
    assert door.tenant_issuer_id() == OURS
    assert TenantIssuer.objects.get().registered_at is not None


def test_the_id_of_our_issuer_is_random_and_stays(run: Callable[..., str], file: Path) -> None:
    run(file)
    first = TenantIssuer.objects.get(is_ours=True)
    run(file)
    again = TenantIssuer.objects.get(is_ours=True)
    assert first.issuer_id.startswith("onboarding-")
    assert len(first.issuer_id) == len("onboarding-") + 16
    assert (again.issuer_id, again.key_id) == (first.issuer_id, first.key_id)


def test_importing_again_changes_nothing_at_fusebit(run: Callable[..., str], file: Path, account: SmallAccount) -> None:
    allow_issuer(account)
    run(file, "--tenant-issuer", OURS)
    writes, keys = len(account.writes()), set(SigningKey.objects.values_list("pk", "sealed"))
    run(file, "--tenant-issuer", OURS)
    assert len(account.writes()) == writes
    assert set(SigningKey.objects.values_list("pk", "sealed")) == keys


def test_a_changed_base_url_is_taken_over(
    run: Callable[..., str], file: Path, account: SmallAccount, profile: Callable[..., str]
) -> None:
    run(file)
    moved = account.wire.url.replace("127.0.0.1", "localhost")
    file.write_text(profile(baseUrl=moved, pki__audience=account.wire.url))
    run(file)
    assert Client.objects.get().base_url == moved
    assert Client.objects.get().audience == account.wire.url


def test_a_client_that_may_not_prints_what_an_admin_types_and_lends_its_own_issuer(
    run: Callable[..., str], file: Path
) -> None:
    said = run(file, "--tenant-issuer", OURS)
    assert f"fuse client access add {CLIENT} 'issuer:*' -r /account/{ACCOUNT}/issuer/{OURS}/" in said
    client = Client.objects.get()
    assert door.tenant_issuer_id() == client.issuer_id
    lent = TenantIssuer.objects.get(chosen=True)
    assert not lent.is_ours
    assert (lent.key.purpose, lent.key.fingerprint) == ("tenant", client.key.fingerprint)
    assert keyring.load(lent.key).key_id == client.key.key_id


def test_our_issuer_takes_over_once_the_admin_has_typed_it_and_old_identities_still_sign(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    run(file, "--tenant-issuer", OURS)
    lent = door.tenant_issuer_id()
    allow_issuer(account)
    assert door.ensure_tenant_issuer() is True
    assert door.tenant_issuer_id() == OURS
    assert OURS in account.issuers
    account.wire.answer = say(200, {"items": []})
    assert door.tenant("local|1", "b-1", issuer_id=lent).list_functions() == []


def test_an_issuer_registered_by_somebody_else_with_our_key_needs_no_right_to_write(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    run(file, "--tenant-issuer", OURS)
    account.issuers[OURS] = TenantIssuer.objects.get(is_ours=True).as_registration()
    allow_issuer(account, "issuer:get")
    assert door.ensure_tenant_issuer() is True
    assert account.writes() == []


def test_an_issuer_with_another_key_is_brought_up_to_date(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    allow_issuer(account)
    account.issuers[OURS] = {"publicKeys": [{"keyId": "old", "publicKey": "foo"}]}
    run(file, "--tenant-issuer", OURS)
    assert [key["keyId"] for key in account.issuers[OURS]["publicKeys"]] != ["old"]
    assert [seen.method for seen in account.writes()] == ["PATCH"]


def test_an_issuer_that_an_operator_pointed_to_a_url_is_left_alone(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    allow_issuer(account)
    account.issuers[OURS] = {"jsonKeysUrl": "https://app.example.com/.well-known/jwks.json"}
    run(file, "--tenant-issuer", OURS)
    assert account.writes() == []
    assert door.tenant_issuer_id() == OURS


def test_an_unreachable_fusebit_is_told_and_asked_later(
    file: Path, account: SmallAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    allow_issuer(account)
    account.wire.answer = say(503, raw=b"away")
    call_command("import_client", str(file), "--tenant-issuer", OURS)
    assert "not registered so far" in capsys.readouterr().err
    with pytest.raises(door.NotConfigured) as caught:
        door.tenant_issuer_id()
    assert caught.value.retriable
    account.wire.answer = account.answer
    assert door.ensure_tenant_issuer() is True
    assert door.tenant_issuer_id() == OURS


def test_rights_that_were_taken_away_later_do_not_move_people_to_another_issuer(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    allow_issuer(account)
    run(file, "--tenant-issuer", OURS)
    account.access = {statement for statement in account.access if statement.action != "issuer:*"}
    assert door.ensure_tenant_issuer() is True
    assert door.tenant_issuer_id() == OURS


def test_a_client_of_another_account_has_its_issuer_registered_anew(
    run: Callable[..., str], file: Path, account: SmallAccount, profile: Callable[..., str]
) -> None:
    allow_issuer(account)
    run(file, "--tenant-issuer", OURS)
    file.write_text(profile(baseUrl=account.wire.url, account="acc-ffffffffffffffff", pki__audience=account.wire.url))
    account.wire.answer = say(503, raw=b"away")
    call_command("import_client", str(file))
    assert not TenantIssuer.objects.filter(chosen=True).exists()
    with pytest.raises(door.NotConfigured):
        door.tenant_issuer_id()


def test_a_key_that_fusebit_refuses_is_not_stored(
    run: Callable[..., str], file: Path, account: SmallAccount, other_pem: str
) -> None:
    account.public_pem = PrivateKey(other_pem, key_id="x", algorithm="RS256").public_pem
    with pytest.raises(CommandError, match="look at “account”"):
        run(file)
    assert not Client.objects.exists()
    assert not SigningKey.objects.exists()


def test_the_tenant_issuer_is_not_exchanged_for_another(run: Callable[..., str], file: Path) -> None:
    run(file, "--tenant-issuer", OURS)
    with pytest.raises(CommandError, match=OURS):
        run(file, "--tenant-issuer", "onboarding-0000000000000000")


def test_keys_whose_encryption_key_was_lost_are_made_anew(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    allow_issuer(account)
    run(file, "--tenant-issuer", OURS)
    keyring.forget()
    with override_settings(KEY_ENCRYPTION_KEYS=Given(NEW), CLIENT_KEY_ENCRYPTION_KEYS=Given(NEW)):
        run(file, "--tenant-issuer", OURS)
        keyring.forget()
        issuer = TenantIssuer.objects.get()
        assert account.issuers[OURS]["publicKeys"][0]["keyId"] == issuer.key.key_id
        assert keyring.load(issuer.key).key_id == issuer.key.key_id
        door.provisioner()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_file_that_others_may_touch_is_refused(run: Callable[..., str], file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(CommandError, match="chmod 600"):
        run(file)


def test_links_directories_pipes_and_missing_files_are_refused(
    run: Callable[..., str], file: Path, tmp_path: Path
) -> None:
    link, pipe = tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)
    for path, words in (
        (link, "symbolic"),
        (tmp_path, "regular"),
        (pipe, "regular"),
        (tmp_path / "no", "cannot be read"),
    ):
        with pytest.raises(CommandError, match=words):
            run(path)


def test_a_profile_may_come_by_standard_input(
    run: Callable[..., str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert "delete" not in run("-")
    assert Client.objects.exists()


def test_without_a_file_the_command_says_what_it_wants(run: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="standard input"):
        run()


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"type": "pki"}', "x" * 70_000])
def test_anything_but_a_profile_is_one_sentence(run: Callable[..., str], file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(CommandError):
        run(file)


def test_the_site_that_cannot_read_the_clients_ring_cannot_provision(run: Callable[..., str], file: Path) -> None:
    run(file)
    keyring.forget()
    with override_settings(CLIENT_KEY_ENCRYPTION_KEYS=Unreadable()):
        with pytest.raises(door.NotConfigured):
            door.provisioner()
        with pytest.raises(door.NotConfigured):
            door.ensure_tenant_issuer()
        door.tenant("local|1", "b-1")


def test_before_an_import_the_door_says_what_to_do() -> None:
    for knock in (
        door.tenant_issuer_id,
        door.provisioner,
        door.ensure_tenant_issuer,
        lambda: door.boundary_access(["b-1"]),
        lambda: door.tenant("local|1", "b-1"),
    ):
        with pytest.raises(door.NotConfigured, match="import_client") as caught:
            knock()
        assert not caught.value.retriable
    assert door.is_reachable() is False


def test_access_names_exactly_the_boundaries(run: Callable[..., str], file: Path) -> None:
    run(file)
    client = Client.objects.get()
    base = f"/account/{ACCOUNT}/subscription/{client.subscription_id}/boundary"
    assert door.boundary_access(["b-1", "b-2"], "function:get") == {
        door.Statement("function:get", f"{base}/b-1/"),
        door.Statement("function:get", f"{base}/b-2/"),
    }
    for hostile in ("../b", "B", "b/../c", ""):
        with pytest.raises(door.InvalidName):
            door.boundary_access([hostile])


@pytest.mark.parametrize("subject", ["", "a\nb", "x" * 513, "a\x00"])
def test_nobody_is_no_tenant(run: Callable[..., str], file: Path, subject: str) -> None:
    run(file)
    with pytest.raises(door.NotConfigured):
        door.tenant(subject, "b-1")


def test_no_window_of_the_key_shows_anywhere(
    run: Callable[..., str],
    file: Path,
    secret_shows: Callable[[str], bool],
    caplog: pytest.LogCaptureFixture,
    admin_client: Any,
) -> None:
    caplog.set_level("DEBUG")
    said = run(file)
    shown = [said, caplog.text, repr(ClientProfile.from_json(file.read_text()))]
    shown += [repr(row) + str(vars(row)) for model in (Client, SigningKey, TenantIssuer) for row in model.objects.all()]
    for model in ("client", "signingkey", "tenantissuer"):
        listing = f"/admin/fusebit_bridge/{model}/"
        shown.append(admin_client.get(listing).text)
        for row in {"client": Client, "signingkey": SigningKey, "tenantissuer": TenantIssuer}[model].objects.all():
            page = admin_client.get(f"{listing}{row.pk}/change/")
            assert page.status_code == 200
            shown.append(page.text)
    assert secret_shows(file.read_text())
    assert not any(secret_shows(text) for text in shown)
    sealed = list(SigningKey.objects.values_list("sealed", flat=True))
    assert not any(text in page for text in sealed for page in shown[-8:] if "<html" in page)


def test_the_admin_changes_no_key(run: Callable[..., str], file: Path, admin_client: Any) -> None:
    run(file)
    row = SigningKey.objects.first()
    assert row is not None
    base = "/admin/fusebit_bridge/signingkey/"
    assert admin_client.get(f"{base}add/").status_code == 403
    assert admin_client.post(f"{base}{row.pk}/change/", {"key_id": "x"}).status_code == 403
    assert admin_client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "sealed" not in admin_client.get(f"{base}{row.pk}/change/").text


PROVIDER = "https://idp.example.com/"
KEYS = "https://idp.example.com/jwks"


def test_a_provider_s_issuer_is_registered_by_the_url_of_its_keys(
    run: Callable[..., str], file: Path, account: SmallAccount
) -> None:
    run(file)
    with override_settings(FUSEBIT_ISSUERS_OF_PROVIDERS={"auth0": PROVIDER}):
        with pytest.raises(CommandError, match="run this again"):
            call_command("register_provider", "auth0", "--keys-url", KEYS)
        account.access.add(Statement("issuer:*", f"/account/{ACCOUNT}/issuer/https%3A%2F%2Fidp.example.com%2F/"))
        call_command("register_provider", "auth0", "--keys-url", KEYS)
        call_command("register_provider", "auth0", "--keys-url", f"{KEYS}/2")

    assert account.issuers[PROVIDER]["jsonKeysUrl"] == f"{KEYS}/2"


def test_keys_of_a_provider_are_never_fetched_in_the_clear(run: Callable[..., str], file: Path) -> None:
    run(file)
    with override_settings(FUSEBIT_ISSUERS_OF_PROVIDERS={"auth0": PROVIDER}):
        with pytest.raises(CommandError, match="https"):
            call_command("register_provider", "auth0", "--keys-url", "http://idp.example.com/jwks")
        with pytest.raises(CommandError, match="names no issuer"):
            call_command("register_provider", "github", "--keys-url", KEYS)
