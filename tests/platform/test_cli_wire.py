"""Contract 8: every command of Fusebit's own command line, as it goes over the wire."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from fusebit_platform.gateway.connection import IDLE_SECONDS
from tests.embedded import EmbeddedFusebit, KeyPair
from tests.npm_registry import Registry
from tests.platform.command_line import CommandLine, Failed, encoded, initialise, operator

PATIENCE_S = 20


@pytest.fixture
def fuse(embedded: EmbeddedFusebit, boundary: str) -> Iterator[CommandLine]:
    """The operator's command line in a boundary of its own."""
    line = operator(embedded, boundary)
    yield line
    line.close()


def test_a_profile_is_shown_with_who_one_is(fuse, embedded):
    assert fuse.ask("GET", f"{fuse.a}/me")["id"] == embedded.user


@pytest.mark.parametrize("kind", ["user", "client"])
def test_an_agent_is_added_shown_given_access_listed_and_removed(fuse, kind):
    made = fuse.add_user("Cy", "Co", "cy@example.com") if kind == "user" else fuse.add_client("Cy")
    path = f"{fuse.a}/{kind}/{made['id']}"
    assert fuse.ask("GET", path) == made
    account = f"/account/{fuse.profile.account}/"
    first = fuse.add_access(kind, made["id"], "function:get")
    assert first["access"]["allow"] == [{"action": "function:get", "resource": account}]
    second = fuse.add_access(kind, made["id"], "user:get", account)
    assert {entry["action"] for entry in second["access"]["allow"]} == {"function:get", "user:get"}
    newest = fuse.ask("GET", f"{fuse.a}/{kind}?count=10")["items"]
    assert made["id"] in [agent["id"] for agent in newest]
    fuse.remove(path)
    with pytest.raises(Failed, match=f"404: The {kind} '{made['id']}' does not exist"):
        fuse.ask("GET", path)


@pytest.mark.parametrize("kind", ["user", "client"])
def test_an_invited_agent_initialises_itself_and_deploys(fuse, embedded, kind):
    made = fuse.add_user("Cy", "Co", "c") if kind == "user" else fuse.add_client("Cy")
    fuse.add_access(kind, made["id"], "function:*")
    token = fuse.init_agent(kind, made["id"])
    profile = initialise(embedded, token)
    assert (profile.base_url, profile.boundary) == (embedded.base_url, fuse.profile.boundary)
    own = CommandLine(profile, embedded.port)
    assert own.ask("GET", f"{own.a}/me")["id"] == made["id"]
    location = own.deploy("mine", {"index.js": "module.exports = async (ctx) => ({body: 'mine'});"})
    own.close()
    assert requests.get(location, timeout=10).json() == "mine"


def test_a_current_invitation_is_answered_with_a_token_of_the_new_key(fuse, embedded):
    made = fuse.add_user("Cy", "Co", "c")
    body = {"protocol": "pki", "profile": {"id": "p", "subscription": embedded.subscription, "boundary": "b"}}
    token = fuse.ask("POST", f"{fuse.a}/user/{made['id']}/init", body)
    own = CommandLine(initialise(embedded, token), embedded.port)
    assert own.ask("GET", f"{own.a}/me")["id"] == made["id"]
    own.close()


def test_issuers_are_added_in_both_ways_shown_listed_and_removed(fuse):
    key = KeyPair()
    for body in ({"publicKeys": [key.entry], "displayName": "I"}, {"jsonKeysUrl": "http://127.0.0.1:1/jwks"}):
        issuer = f"0https://{secrets.token_hex(4)}.example.com/"
        path = f"{fuse.a}/issuer/{encoded(issuer)}"
        made = fuse.ask("POST", path, body)
        assert made == {**body, "id": issuer}
        assert fuse.ask("GET", path) == made
        assert made in fuse.ask("GET", f"{fuse.a}/issuer?count=100")["items"]
        fuse.remove(path)
        with pytest.raises(Failed, match="404"):
            fuse.remove(path)


def test_a_function_is_deployed_listed_shown_called_and_removed(fuse):
    files = {"index.js": "module.exports = async (ctx) => ({body: ctx.configuration.WHO});", "package.json": "{}"}
    location = fuse.deploy("hello", files, settings="WHO=world\n")
    assert requests.get(location, timeout=10).json() == "world"
    assert fuse.deploy("hello", files, settings="WHO=world\n") == location == fuse.url("hello")
    for path in (f"{fuse.b}/function", f"{fuse.s}/function"):
        found = [item["functionId"] for page in fuse.pages(path, 100) for item in page["items"]]
        assert "hello" in found
    shown = fuse.ask("GET", f"{fuse.b}/function/hello?include=all")
    assert shown["nodejs"]["files"] == files
    assert (shown["configuration"], shown["location"]) == ({"WHO": "world"}, location)
    assert {"id", "runtime", "security", "routes", "compute"} <= set(shown)
    assert fuse.ask("GET", f"{fuse.b}/function/hello?include=all")["id"] == "hello"
    assert fuse.ask("DELETE", f"{fuse.b}/function/hello") is None
    with pytest.raises(Failed, match="404: Not Found"):
        fuse.ask("GET", f"{fuse.b}/function/hello?include=all")


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    served.add("greeter", "1.0.0", {"index.js": "module.exports = (name) => `hello ${name}`;"})
    served.add("lost", "1.0.0")
    yield served
    served.close()


@pytest.fixture
def builder(registry: Registry) -> Iterator[CommandLine]:
    """The operator's command line at a server that gets packages from a registry of these tests."""
    server = EmbeddedFusebit(environment={"NPM_REGISTRY": registry.url}).start()
    line = operator(server, "b")
    yield line
    line.close()
    server.stop()


def package(name: str) -> str:
    return json.dumps({"dependencies": {name: "^1.0.0"}})


@pytest.mark.gate  # long: the command line takes its time between two questions
def test_a_build_is_polled_until_its_function_can_be_called(builder, registry):
    files = {"index.js": "module.exports = async (ctx) => ({body: require('greeter')('ada')});"}
    registry.open.clear()  # longer than a PUT waits
    with ThreadPoolExecutor(1) as terminal:
        deploying = terminal.submit(builder.deploy, "greet", {**files, "package.json": package("greeter")})
        try:
            deadline = time.monotonic() + 60
            while len(builder.polled) < 2 and not deploying.done() and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            registry.open.set()
        location = deploying.result()
    assert builder.polled[:2] == [(201, "building"), (201, "building")]
    assert builder.polled[-1] == (200, "success")
    assert requests.get(location, timeout=30).json() == "hello ada"
    with pytest.raises(Failed, match=r"400: (?s:.*)Command failed"):
        builder.deploy("lose", {**files, "package.json": package("lost")})
    assert builder.polled == [(201, "building"), (400, 400)]


def test_files_that_are_no_text_travel_encoded(fuse):
    code = "const {readFileSync} = require('fs');"
    code += "module.exports = async (ctx) => ({body: readFileSync(__dirname + '/b.bin').toString('hex')});"
    content = base64.b64encode(b"\0\1").decode()
    nodejs = {"files": {"index.js": code}, "encodedFiles": {"b.bin": {"data": content, "encoding": "base64"}}}
    made = fuse.ask("PUT", f"{fuse.b}/function/binary", {"nodejs": nodejs}, scheme="Bearer")
    assert requests.get(made["location"], timeout=10).json() == "0001"
    shown = fuse.ask("GET", f"{fuse.b}/function/binary?include=all")
    assert shown["nodejs"]["encodedFiles"]["b.bin"]["data"] == content


def test_a_mistake_is_shown_with_the_servers_own_words(fuse):
    body = {"nodejs": {"files": {"index.js": "x"}}, "schedule": {"cron": "nope"}}
    with pytest.raises(Failed, match="400: The value of 'cron' parameter must be a valid CRON expression"):
        fuse.ask("PUT", f"{fuse.b}/function/bad", body, scheme="Bearer")


def test_the_next_page_is_asked_for_with_the_token_as_it_came(fuse):
    tail = secrets.token_hex(4)
    for number in range(5):
        fuse.deploy(f"f{number}-{tail}", {"index.js": "module.exports = async (ctx) => ({});"})
    sizes = [len(page["items"]) for page in fuse.pages(f"{fuse.b}/function", 2)]
    assert sizes == [2, 2, 1]
    assert sum(len(page["items"]) for page in fuse.pages(f"{fuse.a}/user", 2)) >= 1


@pytest.mark.parametrize("whole", [False, True])
def test_logs_are_read_line_by_line_without_loss(fuse, whole):
    code = "module.exports = async (ctx) => { console.log('seen', ctx.query.n); throw new Error('broken'); };"
    location = fuse.deploy("talk", {"index.js": code})
    reader = fuse.follow("" if whole else "talk")
    try:
        assert (reader.status, reader.headers["content-type"]) == (200, "text/event-stream")
        for number in range(3):
            requests.get(f"{location}?n={number}", timeout=10)
        entries = reader.entries()
        said = [next(entries) for _ in range(6)]
    finally:
        reader.close()
    assert [entry["msg"] for entry in said if entry["level"] == 30] == ["seen 0", "seen 1", "seen 2"]
    assert all("broken" in entry["msg"] for entry in said if entry["level"] == 50)
    assert all(entry["time"].endswith("Z") for entry in said)


def test_the_log_of_a_missing_function_ends_before_it_begins(fuse):
    with pytest.raises(Failed, match="404"):
        fuse.follow("missing")


def test_kept_logs_are_asked_for_and_polled(fuse):
    location = fuse.deploy("told", {"index.js": "module.exports = async (ctx) => { console.log('kept'); };"})
    requests.get(location, timeout=10)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        begun = fuse.ask("POST", f"{fuse.b}/logs", {"filter": "kept", "limit": 5}, scheme="Bearer")
        found = fuse.ask("GET", f"{fuse.b}/logs/{begun['queryId']}", scheme="Bearer")
        assert found["status"] == "complete"
        if found["recordsMatched"]:
            break
        assert time.monotonic() < deadline
    assert len(found["results"]) == 1


def test_storage_is_put_listed_read_and_removed_with_trailing_slashes(fuse):
    root = f"cli-{secrets.token_hex(4)}"
    item = fuse.storage("PUT", f"{root}/a", {"data": {"x": 1}, "storageId": f"{root}/a", "tags": {}})
    assert fuse.storage("GET", f"{root}/a") == item
    assert item["tags"] == {}
    listed = fuse.ask("GET", f"{fuse.s}/storage/{root}/*?count=100")
    assert [entry["storageId"] for entry in listed["items"]] == [f"{root}/a"]
    assert fuse.ask("GET", f"{fuse.s}/storage/*?count=100")["total"] >= 1
    assert fuse.storage("DELETE", f"{root}/a") is None
    with pytest.raises(Failed, match="404"):
        fuse.storage("GET", f"{root}/a")


def test_one_connection_serves_all_commands_and_outlives_a_pause(fuse):
    before = fuse.connection.sock
    for _ in range(3):
        assert fuse.ask("GET", f"{fuse.a}/me")
        fuse.add_client("x")
        assert fuse.send("GET", f"{fuse.a}/client/clt-{'0' * 16}")[0] == 404
        before = before or fuse.connection.sock
    assert fuse.connection.sock is before
    assert IDLE_SECONDS >= 60
