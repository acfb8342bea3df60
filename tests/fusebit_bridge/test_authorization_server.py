"""The client's tokens may come from a real authorization server, and Fusebit takes them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from fusebit_bridge import checks, connection, door
from fusebit_bridge.authorization_server import AuthorizationServerSource
from fusebit_bridge.client import Requestor
from fusebit_bridge.errors import NotConfigured, UnexpectedAnswer, Unreachable
from fusebit_bridge.models import SigningKey
from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Create, Remove
from fusebit_bridge.provisioner import Provisioner
from fusebit_bridge.resources import Account
from fusebit_bridge.users import Identity
from tests import embedded as servers
from tests.fusebit_bridge.oauth_server import CLIENT_ID, CLIENT_SECRET, KEY_ID
from tests.fusebit_bridge.wire import Wire, reset, say
from tests.fusebit_process import EmbeddedFusebit
from tests.processes import ROOT, free_port

pytestmark = pytest.mark.processes
OPAQUE = "an-access-token-that-nobody-may-read"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A running authorization server: its issuer and its public key."""
    directory, port, key = tmp_path_factory.mktemp("as"), free_port(), servers.KeyPair(KEY_ID)
    (directory / "key.pem").write_text(key.private_pem)
    command = [sys.executable, "-m", "tests.fusebit_bridge.oauth_server", str(port), str(directory)]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "Ready\n", Path(directory / "log").read_text()
        yield f"http://127.0.0.1:{port}/o", key.public_pem
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def source_of(issuer: str, audience: str, secret: str = CLIENT_SECRET) -> AuthorizationServerSource:
    return AuthorizationServerSource(
        f"{issuer}/token/", client_id=CLIENT_ID, client_secret=secret, audience=audience, scope="fusebit"
    )


@pytest.fixture
def known(embedded: EmbeddedFusebit, issuer: tuple[str, str]) -> Iterator[EmbeddedFusebit]:
    """A Fusebit that trusts the authorization server, with the guide's grants for its client."""
    url, public_pem = issuer
    path = f"{embedded.account}/issuer/{url.replace(':', '%3A').replace('/', '%2F')}"
    body = {"publicKeys": [{"keyId": KEY_ID, "publicKey": public_pem}]}
    assert embedded.request("POST", path, json=body).status_code == 200
    allow = [
        {"action": "user:*", "resource": f"{embedded.account}/"},
        {"action": "function:*", "resource": f"{embedded.subscription}/"},
    ]
    client = {"identities": [{"issuerId": url, "subject": CLIENT_ID}], "access": {"allow": allow}}
    made = embedded.request("POST", f"{embedded.account}/client", json=client)
    assert made.status_code == 200
    yield embedded
    embedded.request("DELETE", f"{embedded.account}/client/{made.json()['id']}")
    embedded.request("DELETE", path)


def test_users_are_provisioned_with_tokens_of_the_authorization_server(
    known: EmbeddedFusebit, issuer: tuple[str, str]
) -> None:
    account = Account.of(known.account_id)
    subscription = account.subscription(known.subscription_id)
    source = source_of(issuer[0], known.base_url)
    provisioner = Provisioner(Requestor(known.base_url), source, account, subscription)
    ada = Identity("onboarding-as", "local|ada")
    access = frozenset({Statement("function:*", subscription.boundary("b-as").resource)})

    provisioner.perform(Create((ada,), access))
    seen = provisioner.observe(ada).user

    assert seen is not None
    assert (seen.identities, seen.access) == ((ada,), access)
    assert provisioner.me().id.startswith("clt-")
    assert source.token("provision", frozenset()) is source.token("read", frozenset())
    provisioner.perform(Remove(seen.id))


@dataclass
class Given:
    """A secret as the settings hold it."""

    text: str = CLIENT_SECRET

    def read(self) -> str:
        return self.text


@pytest.fixture
def oauth_profile(known: EmbeddedFusebit, issuer: tuple[str, str], tmp_path: Path) -> Path:
    """A profile without a key."""
    members = {
        "id": "backend", "baseUrl": known.base_url, "account": known.account_id, "type": "oauth",
        "subscription": known.subscription_id, "oauth": {"tokenUrl": f"{issuer[0]}/token/"},
    }  # fmt: skip
    file = tmp_path / "oauth.json"
    file.touch(0o600)
    file.write_text(json.dumps(members))
    return file


def configured(issuer: tuple[str, str]) -> override_settings:
    connection.forget_authorization_server()
    return override_settings(
        FUSEBIT_TOKEN_URL=f"{issuer[0]}/token/",
        FUSEBIT_TOKEN_SCOPE="fusebit",
        FUSEBIT_CLIENT_ID=CLIENT_ID,
        FUSEBIT_CLIENT_SECRET=Given(),
    )


@pytest.mark.django_db
def test_a_profile_without_a_key_is_imported_and_provisions_once_our_issuer_is_registered(
    known: EmbeddedFusebit, issuer: tuple[str, str], oauth_profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured(issuer):
        call_command("import_client", str(oauth_profile))
        said = capsys.readouterr().out
        with pytest.raises(NotConfigured) as waiting:
            door.tenant_issuer_id()
        (agent,) = [
            client["id"]
            for client in known.request("GET", f"{known.account}/client?include=all").json()["items"]
            if any(entry["subject"] == CLIENT_ID for entry in client.get("identities", ()))
        ]
        path = f"{known.account}/client/{agent}"
        allow = known.request("GET", path).json()["access"]["allow"]
        more = {"action": "issuer:*", "resource": f"{known.account}/"}
        assert known.request("PATCH", path, json={"access": {"allow": [*allow, more]}}).status_code == 200
        call_command("import_client", str(oauth_profile))
        ada = Identity(door.tenant_issuer_id(), "local|keyless")
        access = door.boundary_access(["b-keyless"])
        door.provisioner().perform(Create((ada,), access))
        seen = door.provisioner().observe(ada).user

        assert "its tokens come from FUSEBIT_TOKEN_URL" in said
        assert "fuse client access add clt-" in said
        assert "nobody is given access" in said
        assert waiting.value.retriable
        assert seen is not None
        assert seen.access == access
        assert [row.purpose for row in SigningKey.objects.all()] == ["tenant"]
        with pytest.raises(door.RotationMayNot, match="no key"):
            door.begin_rotation("client")
        door.provisioner().perform(Remove(seen.id))
    with override_settings(FUSEBIT_TOKEN_URL=""), pytest.raises(NotConfigured, match="FUSEBIT_TOKEN_URL"):
        door.provisioner()


@pytest.mark.django_db
def test_a_profile_without_a_key_for_another_server_than_the_configured_one_is_refused(oauth_profile: Path) -> None:
    with pytest.raises(CommandError, match="set FUSEBIT_TOKEN_URL to its"):
        call_command("import_client", str(oauth_profile))

    assert door.imported_at() is None


def test_a_wrong_secret_is_said_in_words_and_shown_nowhere(issuer: tuple[str, str]) -> None:
    source = source_of(issuer[0], "http://localhost:1", secret="not-the-secret")

    with pytest.raises(NotConfigured, match="refuses our client id") as caught:
        source.token("provision", frozenset())

    assert "invalid_client" in caught.value.detail
    assert "not-the-secret" not in f"{caught.value.detail}{source!r}{vars(source)!r}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"access_token": OPAQUE}),
        (200, {"expires_in": 60}),
        (200, {"access_token": OPAQUE, "expires_in": 1}),
        (200, {"access_token": OPAQUE + "\r\nX: y", "expires_in": 60}),
        (200, {"access_token": None, "expires_in": 60}),
        (200, [OPAQUE]),
        (502, {"access_token": OPAQUE, "expires_in": 60}),
    ],
)
def test_an_answer_without_a_token_that_lives_is_neither_believed_nor_quoted(
    wire: Wire, status: int, body: object
) -> None:
    wire.answer = say(status, body)

    with pytest.raises(UnexpectedAnswer) as caught:
        AuthorizationServerSource(
            f"{wire.url}/token", client_id="c", client_secret="s", audience="http://localhost:1"
        ).token("provision", frozenset())

    assert OPAQUE not in f"{caught.value.message}{caught.value.detail}"


def test_a_token_that_is_to_live_for_ever_lives_for_a_day_and_a_server_that_is_away_is_named(wire: Wire) -> None:
    wire.answer = say(200, raw=b'{"access_token": "abc", "expires_in": 1e999}')
    source = AuthorizationServerSource(
        f"{wire.url}/token", client_id="c", client_secret="s", audience="http://localhost:1"
    )

    assert source.token("provision", frozenset()).expires_at < time.time() + 90_000
    wire.answer = reset
    with pytest.raises(Unreachable, match="authorization server does not answer"):
        source.token("ask_me", frozenset())


@pytest.mark.django_db
def test_the_setting_puts_the_server_in_the_place_of_the_key() -> None:
    connection.forget_authorization_server()
    with override_settings(FUSEBIT_TOKEN_URL="https://as.example.com/token", FUSEBIT_CLIENT_SECRET=Given("s")):
        client = connection.Client(audience="http://localhost:1")
        assert isinstance(connection.client_source(client), AuthorizationServerSource)
        assert [message.id for message in checks.authorization_server()] == ["fusebit_bridge.E005"]
    with override_settings(FUSEBIT_TOKEN_URL="http://as.example.com/token", FUSEBIT_CLIENT_ID="c"):
        assert [message.id for message in checks.authorization_server()] == ["fusebit_bridge.E004"]
    connection.forget_authorization_server()
    assert door.imported_at() is None
