"""The door against the embedded Fusebit: from the imported client to six methods of a function, and no further."""

import base64
import json
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from fusebit_bridge import connection, door, tokens
from fusebit_bridge.models import TenantIssuer
from fusebit_bridge.resources import Account, Function
from fusebit_bridge.tokens import Token
from tests.fusebit_bridge.keeper import Keeper
from tests.fusebit_process import EmbeddedFusebit, Signer

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

ECHO = """module.exports = async (ctx) => ({
  headers: { 'x-method': ctx.method, 'set-cookie': 'a=1' },
  body: { method: ctx.method, path: ctx.path, query: ctx.query, body: ctx.body, caller: ctx.caller,
          token: ctx.fusebit && ctx.fusebit.callerAccessToken, headers: ctx.headers },
});"""
SPECIFICATION = {"nodejs": {"files": {"index.js": ECHO}}, "security": {"authentication": "required"}}


@dataclass
class Onboarded:
    """An imported client with our issuer at Fusebit, and one person with a boundary."""

    fusebit: EmbeddedFusebit
    client: Signer
    client_id: str
    identity: door.Identity
    boundary_id: str
    user: door.RemoteUser

    def session(self, boundary_id: str = "") -> door.TenantSession:
        return door.tenant(self.identity.subject, boundary_id or self.boundary_id)


def add_client(fusebit: EmbeddedFusebit, *grants: tuple[str, str]) -> tuple[Signer, str]:
    """Set up a client as the guide does, with these grants beyond the guide's two."""
    unique = uuid.uuid4().hex[:8]
    client = Signer.generate(f"{unique}.backend", f"cli-{unique}")
    keys = {"publicKeys": [{"keyId": client.kid, "publicKey": client.public_pem}]}
    assert fusebit.request("POST", f"{fusebit.account}/issuer/{client.issuer}", json=keys).status_code == 200
    granted = [("user:*", f"{fusebit.account}/"), ("function:*", f"{fusebit.subscription}/"), *grants]
    access = [{"action": action, "resource": resource} for action, resource in granted]
    identities = [{"issuerId": client.issuer, "subject": client.subject}]
    body = {"displayName": "backend", "identities": identities, "access": {"allow": access}}
    answer = fusebit.request("POST", f"{fusebit.account}/client", json=body)
    assert answer.status_code == 200, answer.text
    return client, answer.json()["id"]


def write_profile(fusebit: EmbeddedFusebit, client: Signer, path: Path) -> Path:
    pki = {
        "issuer": client.issuer,
        "subject": client.subject,
        "kid": client.kid,
        "type": "pki",
        "algorithm": "RS256",
        "audience": fusebit.base_url,
        "privateKey": client.private_pem,
        "publicKey": client.public_pem,
    }
    profile = {
        "id": "backend",
        "displayName": "backend",
        "baseUrl": fusebit.base_url,
        "account": fusebit.account_id,
        "subscription": fusebit.subscription_id,
        "type": "pki",
        "pki": pki,
    }
    path.touch(0o600)
    path.write_text(json.dumps(profile))
    return path


@pytest.fixture
def onboarded(embedded: EmbeddedFusebit, tmp_path: Path) -> Onboarded:
    issuer = f"onboarding-{uuid.uuid4().hex[:16]}"
    client, client_id = add_client(embedded, ("issuer:*", f"{embedded.account}/issuer/{issuer}/"))
    call_command(
        "import_client", str(write_profile(embedded, client, tmp_path / "client.json")), "--tenant-issuer", issuer
    )
    assert door.tenant_issuer_id() == issuer
    identity = door.Identity(issuer, f"local|{uuid.uuid4().hex[:6]}")
    boundary_id = f"b-{uuid.uuid4().hex[:16]}"
    user = Keeper(door.provisioner()).ensure(identity, door.boundary_access([boundary_id]), door.Names("Ada"))
    return Onboarded(embedded, client, client_id, identity, boundary_id, user)


def test_a_person_gets_exactly_one_user_with_exactly_their_boundary(onboarded: Onboarded) -> None:
    found = door.provisioner().observe(onboarded.identity).user
    assert found == onboarded.user
    assert found.access == door.boundary_access([onboarded.boundary_id])
    keeper = Keeper(door.provisioner())
    keeper.known[onboarded.identity] = onboarded.user.id
    again = keeper.ensure(onboarded.identity, door.boundary_access([onboarded.boundary_id, "b-2"]))
    assert again.id == onboarded.user.id
    assert again.access == door.boundary_access([onboarded.boundary_id, "b-2"])


def test_fifteen_at_once_make_one_user(onboarded: Onboarded) -> None:
    identity = door.Identity(onboarded.identity.issuer_id, "local|all-at-once")
    access = door.boundary_access(["b-3"])
    provisioner = door.provisioner()
    with ThreadPoolExecutor(15) as pool:
        users = list(pool.map(lambda _: Keeper(provisioner).ensure(identity, access), range(15)))
    assert len({user.id for user in users}) == 1


def test_the_client_cannot_grant_beyond_its_subscription(onboarded: Onboarded) -> None:
    everything = frozenset({door.Statement("function:*", "/")})
    with pytest.raises((door.Refused, door.Rejected)):
        Keeper(door.provisioner()).ensure(door.Identity(onboarded.identity.issuer_id, "local|x"), everything)
    assert door.provisioner().observe(door.Identity(onboarded.identity.issuer_id, "local|x")).user is None


def test_a_function_is_put_read_listed_and_deleted(onboarded: Onboarded) -> None:
    session = onboarded.session()
    assert session.list_functions() == []
    publication = session.put_function("hello", SPECIFICATION)
    assert (publication.status, publication.version) == ("deployed", 1)
    assert session.put_function("hello", SPECIFICATION).status == "unchanged"
    assert session.get_function("hello")["nodejs"]["files"]["index.js"] == ECHO
    assert [entry["functionId"] for entry in session.list_functions()] == ["hello"]
    session.delete_function("hello")
    with pytest.raises(door.Missing):
        session.get_function("hello")
    with pytest.raises(door.Missing):
        session.delete_function("hello")


def test_a_specification_at_fault_is_rejected_in_fusebits_words(onboarded: Onboarded) -> None:
    with pytest.raises(door.Rejected, match="memorySize"):
        onboarded.session().put_function("hello", {**SPECIFICATION, "compute": {"memorySize": 1}})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_every_method_reaches_the_function_as_the_person(onboarded: Onboarded, method: str) -> None:
    session = onboarded.session()
    session.put_function("hello", SPECIFICATION)
    location = session.location("hello")
    body = b'{"name": "Ada"}' if method in {"POST", "PUT", "PATCH"} else b""
    answer = session.execute(
        location,
        "hello",
        method,
        "/a%2Fb/c",
        [("n", "1 2")],
        [("X-Mine", "yes"), ("Cookie", "no")],
        body,
        "application/json",
    )
    assert (answer.status, answer.source) == (200, "function"), answer.body
    assert dict(answer.headers)["x-method"] == method
    if method == "HEAD":
        assert answer.body == b""
        return
    seen = json.loads(answer.body)
    assert seen["method"] == method
    assert seen["path"].startswith("/a%2Fb/c?n=1")
    assert seen["query"] == {"n": "1 2"}
    assert seen["body"] == ({"name": "Ada"} if body else {})
    assert seen["headers"]["x-mine"] == "yes"
    assert "cookie" not in seen["headers"]
    assert seen["caller"]["permissions"]["allow"] == answer.permissions
    assert [entry["action"] for entry in answer.permissions] == ["function:execute"]


def test_an_anonymous_call_of_a_closed_function_is_refused_and_of_an_open_one_is_not(onboarded: Onboarded) -> None:
    session = onboarded.session()
    session.put_function("closed", SPECIFICATION)
    session.put_function("open", {"nodejs": SPECIFICATION["nodejs"]})
    assert session.execute(session.location("closed"), "closed", anonymous=True).status == 403
    answer = session.execute(session.location("open"), "open", anonymous=True)
    assert answer.status == 200
    assert "authorization" not in json.loads(answer.body)["headers"]


def test_a_session_in_another_boundary_is_refused_everything(onboarded: Onboarded) -> None:
    foreign = onboarded.session("b-of-somebody-else")
    for knock in (
        lambda: foreign.list_functions(),
        lambda: foreign.get_function("hello"),
        lambda: foreign.put_function("hello", SPECIFICATION),
        lambda: foreign.delete_function("hello"),
        lambda: foreign.location("hello"),
    ):
        with pytest.raises(door.Refused):
            knock()


def test_the_token_that_a_function_sees_can_call_that_function_and_nothing_else(onboarded: Onboarded) -> None:
    session = onboarded.session()
    session.put_function("hello", SPECIFICATION)
    session.put_function("other", SPECIFICATION)
    location = session.location("hello")
    token = json.loads(session.execute(location, "hello").body)["token"]
    base = f"{onboarded.fusebit.boundary(onboarded.boundary_id)}/function"
    ask = onboarded.fusebit.request
    assert ask("GET", location, token=token).status_code == 200
    assert ask("GET", session.location("other"), token=token).status_code in {200, 403}
    refused = [
        ("GET", base),
        ("GET", f"{base}/hello"),
        ("PUT", f"{base}/hello"),
        ("DELETE", f"{base}/hello"),
        ("GET", f"{base}/other"),
        ("GET", f"{onboarded.fusebit.account}/user"),
        ("POST", f"{onboarded.fusebit.account}/user"),
        ("GET", f"{onboarded.fusebit.account}/issuer"),
    ]
    assert {
        (method, path): ask(method, path, token=token, json={}).status_code for method, path in refused
    } == dict.fromkeys(refused, 403)


def test_every_template_is_refused_outside_its_purpose(onboarded: Onboarded) -> None:
    session = onboarded.session()
    session.put_function("hello", SPECIFICATION)
    source = session._source
    boundary = connection.subscription_of(connection.imported()).boundary(onboarded.boundary_id)
    function: Function = boundary.function("hello")
    made: dict[str, Token] = {
        "read": tokens.read(source, boundary),
        "put": tokens.put(source, function),
        "delete": tokens.delete(source, function),
        "execute": tokens.execute(source, function),
        "read_log": tokens.read_log(source, function),
    }
    asks: dict[str, Callable[[str], int]] = {
        "read": lambda token: onboarded.fusebit.request("GET", function.text, token=token).status_code,
        "put": lambda token: (
            onboarded.fusebit.request("PUT", function.text, token=token, json=SPECIFICATION).status_code
        ),
        "users": lambda token: (
            onboarded.fusebit.request(
                "GET", Account.of(onboarded.fusebit.account_id).users().text, token=token
            ).status_code
        ),
    }
    for template, token in made.items():
        for purpose, ask in asks.items():
            assert (ask(token.text) == 403) is (purpose != template), (template, purpose)


def test_narrowed_access_works_at_once_although_tokens_are_kept(onboarded: Onboarded) -> None:
    session = onboarded.session()
    session.put_function("hello", SPECIFICATION)
    location = session.location("hello")
    assert session.execute(location, "hello").status == 200
    door.provisioner().perform(door.Replace(onboarded.user.id, access=frozenset()))
    assert session.execute(location, "hello").status == 403
    with pytest.raises(door.Refused):
        session.list_functions()


def test_a_client_with_the_guides_grants_only_lends_its_own_issuer(embedded: EmbeddedFusebit, tmp_path: Path) -> None:
    client, client_id = add_client(embedded)
    path = write_profile(embedded, client, tmp_path / "client.json")
    call_command("import_client", str(path))
    assert door.tenant_issuer_id() == client.issuer
    identity = door.Identity(client.issuer, f"local|{uuid.uuid4().hex[:6]}")
    Keeper(door.provisioner()).ensure(identity, door.boundary_access(["b-lent"]))
    session = door.tenant(identity.subject, "b-lent")
    session.put_function("hello", SPECIFICATION)
    assert session.execute(session.location("hello"), "hello").status == 200
    ours = TenantIssuer.objects.get(is_ours=True).issuer_id
    agent = embedded.request("GET", f"{embedded.account}/client/{client_id}").json()
    grant = {"action": "issuer:*", "resource": f"{embedded.account}/issuer/{ours}/"}
    wider = {"access": {"allow": [*agent["access"]["allow"], grant]}}
    assert embedded.request("PATCH", f"{embedded.account}/client/{client_id}", json=wider).status_code == 200
    assert door.ensure_tenant_issuer() is True
    assert door.tenant_issuer_id() == ours
    old = door.tenant(identity.subject, "b-lent", issuer_id=client.issuer)
    assert old.execute(old.location("hello"), "hello").status == 200


def test_nothing_of_the_client_key_is_in_a_log(
    onboarded: Onboarded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = onboarded.session()
    session.put_function("hello", SPECIFICATION)
    session.execute(session.location("hello"), "hello")
    text = caplog.text
    assert "answered 200" in text
    assert "eyJ" not in text
    pem = "".join(onboarded.client.private_pem.split("\n")[1:-2])
    der = base64.b64decode(pem)
    assert not any(pem[start : start + 20] in text for start in range(len(pem) - 20))
    assert der[40:60].hex() not in text
    connections.close_all()
