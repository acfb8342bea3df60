"""The command line: start, stop, what goes wrong; and a client set up with the server running and without."""

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.embedded import ROOT, EmbeddedFusebit

pytestmark = pytest.mark.processes


def run(*arguments: str, expect: int = 0, **environment: str) -> tuple[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    finished = subprocess.run(
        [sys.executable, "-m", "fusebit_platform", *arguments],
        cwd=ROOT,
        env={**kept, "PLATFORM_DATABASE_URL": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == expect, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stdout, finished.stderr


@pytest.fixture
def fresh():
    server = EmbeddedFusebit()
    yield server
    server.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_start_makes_an_administrator_whose_key_nobody_else_reads(fresh):
    fresh.start_unseeded()
    directory = fresh.directory / "platform"
    assert mode(directory) == 0o700
    assert {mode(path) for path in directory.iterdir() if path.is_file()} == {0o600}
    admin = json.loads((directory / "admin.json").read_text())
    assert requests.get(f"{fresh.base_url}/v1/account/{admin['account']}", timeout=5).status_code == 403


def test_it_listens_on_both_loopbacks_and_on_nothing_else(fresh):
    fresh.start_unseeded()
    for host in ("127.0.0.1", "[::1]"):
        assert requests.get(f"http://{host}:{fresh.port}/v1/health", timeout=5).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(fresh, number):
    fresh.start_unseeded()
    fresh.process.send_signal(number)
    assert fresh.process.wait(10) == 0


def test_a_second_start_keeps_everything_and_a_changed_port_changes_the_profile(fresh):
    fresh.start()
    made = fresh.request("POST", f"{fresh.a}/client", json={"displayName": "kept"}).json()
    fresh.stop(forget=False)
    fresh.session = requests.Session()
    fresh.start()
    assert fresh.request("GET", f"{fresh.a}/client/{made['id']}").json() == made
    assert fresh.request("GET", f"{fresh.a}/me").json()["id"] == fresh.user


def test_what_is_acknowledged_survives_a_kill(fresh):
    fresh.start()
    path = fresh.f("b", "f")
    body = {"nodejs": {"files": {"index.js": "module.exports = 1"}}}
    assert fresh.request("PUT", path, json=body).status_code == 200
    fresh.process.kill()
    fresh.process.wait()
    fresh.stop(forget=False)
    fresh.session = requests.Session()
    fresh.start()
    assert fresh.request("GET", path).json()["nodejs"] == body["nodejs"]


def set_up_client(directory: str) -> dict:
    client = json.loads(run("client", "add", "backend", "--data-dir", directory)[0])
    run("client", "access", "add", client["id"], "user:*", "--data-dir", directory)
    run("client", "access", "add", client["id"], "a:b", "-r", "/somewhere", "--data-dir", directory)
    run("client", "access", "add", client["id"], "function:*", "--data-dir", directory)
    run("client", "init", client["id"], "--data-dir", directory)
    return json.loads(run("profile", "get", "--includeCredentials", "-o", "json", "--data-dir", directory)[0])


@pytest.mark.parametrize("running", [True, False])
def test_a_client_is_set_up_whether_or_not_the_server_runs(fresh, running):
    fresh.start_unseeded()
    if not running:
        fresh.stop(forget=False)
    directory = str(fresh.directory / "platform")
    profile = set_up_client(directory)
    assert (profile["id"], profile["type"], profile["baseUrl"]) == ("backend", "pki", fresh.base_url)
    assert list(profile["pki"]) == [
        "issuer",
        "subject",
        "kid",
        "type",
        "algorithm",
        "audience",
        "privateKey",
        "publicKey",
    ]
    if not running:
        fresh.session = requests.Session()
        fresh.start_unseeded()
    import jwt

    pki = profile["pki"]
    claims = {"iss": pki["issuer"], "sub": pki["subject"], "aud": profile["baseUrl"]}
    token = jwt.encode(claims, pki["privateKey"], algorithm=pki["algorithm"], headers={"kid": pki["kid"]})
    account = f"/account/{profile['account']}"
    me = fresh.request("GET", f"/v1{account}/me", token=token).json()
    assert {(row["action"], row["resource"]) for row in me["access"]["allow"]} == {
        ("user:*", f"{account}/"),
        ("function:*", f"{account}/subscription/{profile['subscription']}/"),
        ("a:b", "/somewhere/"),
    }
    assert mode(fresh.directory / "platform" / "profiles.json") == 0o600
    plain = json.loads(run("profile", "get", "backend", "--data-dir", directory)[0])
    assert set(plain["pki"]) == {"issuer", "subject", "kid"}


def test_a_changed_port_shows_in_the_profile(fresh):
    fresh.start_unseeded()
    directory = str(fresh.directory / "platform")
    set_up_client(directory)
    fresh.stop(forget=False)
    fresh.session = requests.Session()
    other = EmbeddedFusebit()
    fresh.port, fresh.base_url = other.port, other.base_url
    other.stop()
    fresh.start_unseeded()
    profile = json.loads(run("profile", "get", "--includeCredentials", "--data-dir", directory)[0])
    assert profile["baseUrl"] == profile["pki"]["audience"] == fresh.base_url


def sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith(".\n")


def test_a_busy_port_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _out, err = run("--port", port, "--data-dir", str(tmp_path / "p"), expect=1)
    assert f"Port {port}" in err
    assert sentence(err)


def test_a_directory_that_is_in_use_is_one_sentence(tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _out, err = run("--data-dir", str(tmp_path), expect=1)
    assert sentence(err)


def test_a_directory_that_can_not_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    _out, err = run("--data-dir", str(tmp_path / "file" / "p"), expect=1)
    assert sentence(err)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"account": {"id": "x"}}', None])
def test_a_bad_seed_is_one_sentence(tmp_path, content):
    seed = tmp_path / "seed.json"
    if content is not None:
        seed.write_text(content)
    _out, err = run("--data-dir", str(tmp_path / "p"), "--seed", str(seed), expect=1)
    assert "seed file" in err
    assert sentence(err)


def test_a_database_that_can_not_be_reached_is_one_sentence(tmp_path):
    url = "postgresql://nobody@127.0.0.1:1/none"
    _out, err = run("--data-dir", str(tmp_path / "p"), expect=1, PLATFORM_DATABASE_URL=url)
    assert "database" in err


def test_commands_say_what_is_missing(tmp_path, fresh):
    directory = str(tmp_path)
    for command in (["client", "add", "x"], ["client", "init", "clt-0123456789abcdef"], ["profile", "get"]):
        _out, err = run(*command, "--data-dir", directory, expect=1)
        assert sentence(err)
    fresh.start()
    directory = str(fresh.directory / "platform")
    _out, err = run("client", "add", "x", "--data-dir", directory, expect=1)
    assert "--seed" in err
