"""One command brings a fresh checkout to a working site, again and again, and leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.onboarding.conftest import HIDDEN, Browser
from tests.processes import ROOT, environment, free_port, until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("quickstart")]
PATIENCE_S = 120


@dataclass
class Quickstart:
    """A run of the command on a data directory; ports stay the same unless others are given."""

    data_dir: Path
    ports: tuple[int, int, int] = field(default_factory=lambda: (free_port(), free_port(), free_port()))
    process: "subprocess.Popen[str] | None" = None

    def start(self, *options: str, **variables: str) -> "Quickstart":
        """Start it; its output goes to files beside the data directory."""
        site, platform, identity = map(str, self.ports)
        ports = ("--port", site, "--platform-port", platform, "--identity-port", identity)
        where = ("--data-dir", str(self.data_dir))
        command = [sys.executable, "manage.py", "quickstart", *where, *ports, "--no-browser", *options]
        kept = {**environment(self.data_dir), **variables}
        with self.file("out").open("w") as out, self.file("err").open("w") as err:
            self.process = subprocess.Popen(command, cwd=ROOT, env=kept, stdout=out, stderr=err, text=True)
        return self

    def file(self, name: str) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.{name}")

    @property
    def out(self) -> str:
        return self.file("out").read_text()

    @property
    def err(self) -> str:
        return self.file("err").read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def until_ready(self) -> "Quickstart":
        def is_ready() -> bool:
            assert self.process.poll() is None, self.err
            return "Ready: " in self.out

        until(is_ready, "Ready", PATIENCE_S)
        return self

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - began

    def failure(self) -> str:
        """Wait for it to give up; return its one sentence."""
        assert self.process.wait(timeout=PATIENCE_S) == 1
        assert "Traceback" not in self.err
        assert self.out == ""
        return self.err.strip().splitlines()[-1]

    def left(self) -> list[int]:
        """Return the processes that still belong to the data directory, by their environment or arguments."""
        return [pid for pid in all_processes() if str(self.data_dir) in words_of(pid)]

    def person(self, name: str) -> dict[str, str]:
        people = json.loads((self.data_dir / "people.json").read_text())["people"]
        return next(person for person in people if person["username"] == name)


def all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]


def words_of(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    return command.replace(b"\0", b" ").decode("utf-8", "replace")


def child_of(parent: int, word: str) -> int:
    """Return the child whose command line has `word`."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(
        int(child) for child in children if word in Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """A data directory after a first start, with the output of that start; nothing runs."""
    quickstart = Quickstart(tmp_path_factory.mktemp("quickstart") / "data").start()
    try:
        quickstart.until_ready()
        quickstart.first_out, quickstart.first_err = quickstart.out, quickstart.err
        assert quickstart.end()[0] == 0
        yield quickstart
    finally:
        if quickstart.process.poll() is None:
            quickstart.end()


@pytest.fixture(scope="module")
def shared(made: Quickstart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """One that runs on a copy of the directory, for all who leave it as it is."""
    directory = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(made.data_dir, directory)
    quickstart = Quickstart(directory).start()
    try:
        yield quickstart.until_ready()
    finally:
        quickstart.end()


@pytest.fixture
def running(made: Quickstart) -> Iterator[Quickstart]:
    """A later start on the same directory."""
    made.start().until_ready()
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.end()


def test_a_first_start_prints_one_line_to_stdout_and_the_passwords_once(made: Quickstart) -> None:
    assert made.first_out == f"Ready: {made.url}\n"
    for name in ("ada", "grace", "operator"):
        assert made.first_err.count(made.person(name)["password"]) == 1


def test_people_are_written_in_the_fixed_shape(made: Quickstart) -> None:
    people = json.loads((made.data_dir / "people.json").read_text())["people"]

    assert [(person["username"], person["role"]) for person in people] == [
        ("ada", "tenant"),
        ("grace", "tenant"),
        ("operator", "operator"),
    ]
    assert all(set(person) == {"username", "password", "email", "role"} for person in people)
    assert len({person["password"] for person in people}) == 3


def test_nobody_else_can_read_anything(made: Quickstart) -> None:
    loose = [
        path
        for path in [made.data_dir, *made.data_dir.rglob("*")]
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]

    assert loose == []


def test_the_profile_is_the_one_of_fusebit_s_command_line(made: Quickstart) -> None:
    profile = json.loads((made.data_dir / "fusebit-client.json").read_text())

    assert profile["baseUrl"] == profile["pki"]["audience"] == f"http://localhost:{made.ports[1]}"
    assert {"account", "subscription", "pki"} <= set(profile)
    assert {"issuer", "subject", "kid", "algorithm", "privateKey", "publicKey"} <= set(profile["pki"])


def test_a_later_start_is_quick_and_quiet(made: Quickstart) -> None:
    began = time.monotonic()
    made.start().until_ready()
    took = time.monotonic() - began
    code, stopped = made.end()

    assert code == 0
    assert made.out == f"Ready: {made.url}\n"
    assert made.person("ada")["password"] not in made.err
    # 3 s where nothing else runs; this is a bound for a machine that runs the rest of the suite at the same time.
    assert took < 20
    assert stopped < 5


def test_a_person_can_sign_in_and_gets_a_place_of_their_own(shared: Quickstart) -> None:
    visitor = Browser(shared.url, Known(shared))
    assert visitor.sign_in("ada").headers["Location"] == "/"

    page = visitor.get("/")

    assert page.status_code == 200
    assert "/t/" in page.url


@dataclass
class Known:
    """The passwords of a data directory's people."""

    quickstart: Quickstart

    @property
    def passwords(self) -> dict[str, str]:
        return {name: self.quickstart.person(name)["password"] for name in ("ada", "grace")}


def test_the_operator_can_sign_in_to_the_admin(shared: Quickstart) -> None:
    session = requests.Session()
    page = session.get(f"{shared.url}/admin/login/", timeout=20)
    operator = shared.person("operator")
    form = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "username": "operator", "next": "/admin/"}

    answer = session.post(page.url, {**form, "password": operator["password"]}, timeout=20)

    assert answer.status_code == 200
    assert "Operators" in answer.text
    assert "/login/" not in answer.url


def test_a_second_quickstart_on_the_same_directory_is_refused(shared: Quickstart) -> None:
    other = Quickstart(shared.data_dir, (free_port(), free_port(), free_port()))
    command = [sys.executable, "manage.py", "quickstart", "--data-dir", str(other.data_dir), "--port", str(free_port())]

    done = subprocess.run(
        command, cwd=ROOT, env=environment(other.data_dir), capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "running on" in done.stderr
    assert requests.get(f"{shared.url}/healthz", timeout=20).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(running: Quickstart, number: int) -> None:
    code, took = running.end(number)

    assert code == 0
    assert took < 5
    assert running.left() == []


@pytest.mark.gate  # a case of faults
def test_a_supervisor_that_is_killed_takes_its_children_along(running: Quickstart) -> None:
    running.process.kill()
    running.process.wait(timeout=10)

    until(lambda: running.left() == [], "the end of the children", 15)


@pytest.mark.gate  # a case of faults
@pytest.mark.parametrize("word", ["onboarding.identity", "manage.py worker"])
def test_a_child_that_dies_takes_the_rest_down_with_the_reason(running: Quickstart, word: str) -> None:
    os.kill(child_of(running.process.pid, word), signal.SIGKILL)

    assert running.process.wait(timeout=30) == 1
    name = word.replace("onboarding.", "").replace("manage.py ", "")
    assert f"The {name} process ended with code -9" in running.err
    assert f"{name}.log" in running.err
    assert running.left() == []


@pytest.mark.gate  # long: two more starts
def test_other_ports_move_everything_and_back(made: Quickstart) -> None:
    moved = Quickstart(made.data_dir)
    moved.start().until_ready()
    profile = json.loads((made.data_dir / "fusebit-client.json").read_text())
    checks = requests.get(f"{moved.url}/readyz", timeout=20).json()["checks"]
    signed_in = Browser(moved.url, Known(moved)).sign_in("grace")
    moved.end()

    assert profile["baseUrl"] == f"http://localhost:{moved.ports[1]}"
    assert checks["fusebit"] == "ok"
    assert signed_in.headers["Location"] == "/"
    made.start().until_ready().end()


@pytest.fixture
def copy(made: Quickstart, tmp_path: Path) -> Quickstart:
    """Another directory with the same content, on the same ports."""
    where = tmp_path / "copy"
    shutil.copytree(made.data_dir, where)
    settings_file = where / "settings.env"
    settings_file.write_text(settings_file.read_text().replace(str(made.data_dir), str(where)))
    return Quickstart(where, made.ports)


@pytest.mark.parametrize(
    "name",
    ["secrets/secret_key", "people.json", "settings.env", "site.sqlite3", "platform/platform.sqlite3", "identity"],
)
def test_a_half_deleted_directory_is_named(copy: Quickstart, name: str) -> None:
    gone = copy.data_dir / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    sentence = copy.start().failure()

    assert f"is incomplete: {name}" in sentence
    assert "start over" in sentence


@pytest.mark.parametrize(("which", "option"), [(0, "--port"), (1, "--platform-port"), (2, "--identity-port")])
def test_a_busy_port_is_named_with_the_option_that_changes_it(tmp_path: Path, which: int, option: str) -> None:
    quickstart = Quickstart(tmp_path / "data")
    with socket.create_server(("127.0.0.1", quickstart.ports[which])):
        sentence = quickstart.start().failure()

    assert f"Port {quickstart.ports[which]} " in sentence
    assert f"{option}." in sentence
    assert quickstart.left() == []


def test_a_missing_node_is_named(tmp_path: Path) -> None:
    sentence = Quickstart(tmp_path / "data").start(NODE_BINARY="/nowhere/node").failure()

    assert sentence == "NODE_BINARY names /nowhere/node, which is not a program."


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    quickstart = Quickstart(tmp_path / "data")
    inside = tmp_path / "file" / "data"

    sentence = quickstart.start("--data-dir", str(inside)).failure()

    assert sentence == f"The data directory {inside} cannot be used: Not a directory."


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--port", "70000"), "--port must be between"), (("--platform-port", "{site}"), "name the same port")],
)
def test_ports_that_cannot_be_meant_are_named(tmp_path: Path, options: tuple[str, str], words: str) -> None:
    quickstart = Quickstart(tmp_path / "data")
    option, value = options

    sentence = quickstart.start(option, value.format(site=quickstart.ports[0])).failure()

    assert words in sentence
    assert not quickstart.data_dir.exists()


def test_asking_for_help_makes_nothing(tmp_path: Path) -> None:
    quickstart = Quickstart(tmp_path / "data").start("--help")

    assert quickstart.process.wait(timeout=30) == 0
    assert "--platform-port" in quickstart.out
    assert not quickstart.data_dir.exists()
