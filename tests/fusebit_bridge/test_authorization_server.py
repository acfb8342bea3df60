"""The client's tokens may come from a real authorization server, and Fusebit takes them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from fusebit_bridge import checks, connection, door
from fusebit_bridge.authorization_server import AuthorizationServerSource
from fusebit_bridge.client import Requestor
from fusebit_bridge.errors import NotConfigured, UnexpectedAnswer
from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Create, Remove
from fusebit_bridge.provisioner import Provisioner
from fusebit_bridge.resources import Account
from fusebit_bridge.users import Identity
from tests import embedded as servers
from tests.fusebit_bridge.oauth_server import CLIENT_ID, CLIENT_SECRET, KEY_ID
from tests.fusebit_bridge.wire import Wire, say
from tests.fusebit_process import EmbeddedFusebit
from tests.processes import ROOT, free_port

pytestmark = pytest.mark.processes


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


def test_a_wrong_secret_is_said_in_words_and_shown_nowhere(issuer: tuple[str, str]) -> None:
    source = source_of(issuer[0], "http://localhost:1", secret="not-the-secret")

    with pytest.raises(NotConfigured, match="refuses our client id") as caught:
        source.token("provision", frozenset())

    assert "invalid_client" in caught.value.detail
    assert "not-the-secret" not in f"{caught.value.detail}{source!r}{vars(source)!r}"


@pytest.mark.parametrize(
    "body", [{"access_token": "x"}, {"expires_in": 60}, {"access_token": "x", "expires_in": 1}, []]
)
def test_an_answer_without_a_token_that_lives_is_not_believed(wire: Wire, body: object) -> None:
    wire.answer = say(200, body)

    with pytest.raises(UnexpectedAnswer):
        AuthorizationServerSource(
            f"{wire.url}/token", client_id="c", client_secret="s", audience="http://localhost:1"
        ).token("provision", frozenset())


@pytest.mark.django_db
def test_the_setting_puts_the_server_in_the_place_of_the_key() -> None:
    class Given:
        def read(self) -> str:
            return "s"

    connection.forget_authorization_server()
    with override_settings(FUSEBIT_TOKEN_URL="https://as.example.com/token", FUSEBIT_CLIENT_SECRET=Given()):
        client = connection.Client(audience="http://localhost:1")
        assert isinstance(connection.client_source(client), AuthorizationServerSource)
        assert [message.id for message in checks.authorization_server()] == ["fusebit_bridge.E005"]
    with override_settings(FUSEBIT_TOKEN_URL="http://as.example.com/token", FUSEBIT_CLIENT_ID="c"):
        assert [message.id for message in checks.authorization_server()] == ["fusebit_bridge.E004"]
    connection.forget_authorization_server()
    assert door.imported_at() is None
