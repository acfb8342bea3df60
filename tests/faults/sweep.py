"""Runs the ordinary tests with everything kept, then sweeps what is left for keys and tokens: `canary --suite`.

What is searched: logs at DEBUG, pages and answers, error reports, every value that went into a statement, every file
that the tests left or removed (databases and write-ahead logs among them), what pytest said, and the environment and
command line of every process that there was.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.faults.needles import Needles
from tests.processes import ROOT

PARALLEL = ["-n", "2", "--dist", "loadgroup", "--reuse-db"]
OF_OTHERS = re.compile(r"/(node_modules|site-packages)/")  # packages, the same at every start
IN_LINES = {".pages", ".rows", ".reports"}
LOOK_EVERY_S = 0.25
# Where a key or a token is by right: how it is called, what must be in it as well, and why.
BY_RIGHT: tuple[tuple[str, bytes, str], ...] = (
    (r"^b/.*/client\.json$", b'"privateKey"', "a profile that a test wrote to be imported"),
    (r"^b/.*/(certificate\d+/server|as\d+/key)\.pem$", b"PRIVATE KEY", "the key of a server that a test made up"),
    (r"^b/.*/as\d+/as\.sqlite3", b"oauth2_provider", "what an authorization server of the tests knows of its tokens"),
    (r"/signing_key\.pem$", b"PRIVATE KEY", "the key of the local provider, in its own file of mode 0600"),
    (r"/(admin|profiles)\.json$", b"privateKey", "what the embedded Fusebit writes for its operator, mode 0600"),
    (r"^pages: .* POST http://127\.0\.0\.1:\d+(/o)?/token/?$", b"", "the answer of a provider's token endpoint"),
    (
        r"^pages: .* POST \S+/v1/account/\S+/init$",
        b"",
        "the answer that hands an invitation out, as the contract has it",
    ),
    (r"^pages: .* (GET|POST) \S+/v1/run/", b"", "what a function answered: the contract gives it its tokens"),
    (r"^pages: .* POST (/api/v1/tenants|/t)/\S+/tokens/$", b"fbt_", "the page that shows a personal token, once"),
    (r"^/proc/\d+/environ of ", b"\0TOKEN=fbt_", "an example of the API's document, run as it says"),
)
PLANT = """
import os, sqlite3, subprocess, sys, jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
token = jwt.encode({"sub": "planted " + os.urandom(16).hex()}, key, algorithm="RS256")
place = sys.argv[1]
open(place + "/a.log", "w").write("key: " + pem[700:760])
database = sqlite3.connect(place + "/b.sqlite3")
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE t (v)")
database.execute("INSERT INTO t VALUES (?)", (token,))
database.commit()
leaking = {"LEAKED": pem[700:760].replace(chr(10), " ")}
silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
a = subprocess.Popen(["/bin/sleep", "86400"], env=leaking, **silent)
b = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(86400)", token], **silent)
print(a.pid, b.pid, flush=True)
os._exit(0)  # and leave the write-ahead log as it is
"""


@dataclass
class Watch:
    """Sees environment and command line of every process that comes into being."""

    seen: dict[bytes, str] = field(default_factory=dict)
    _before: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watch"]:
        """Look again and again meanwhile."""
        self._before = {entry.name for entry in Path("/proc").iterdir()}
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal() and entry.name not in self._before:
                    self._look(entry)

    def _look(self, entry: Path) -> None:
        with contextlib.suppress(OSError):
            program = (entry / "comm").read_text().strip()
            for name in ("environ", "cmdline"):
                self.seen.setdefault((entry / name).read_bytes(), f"{entry}/{name} of {program}")


@contextlib.contextmanager
def planted(place: Path, environment: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Have a process leak its key and its token; yield how the names of the four places begin."""
    place.mkdir()
    command = [sys.executable, "-c", PLANT, str(place)]
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    pids = [int(word) for word in said.split()]
    try:
        yield ("planted/a.log", "planted/b.sqlite3-wal", *(f"/proc/{pid}/" for pid in pids))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def run(arguments: list[str]) -> tuple[dict[str, Any], bool]:
    """Run the tests and sweep; return the figures, and whether they are as they should be."""
    with tempfile.TemporaryDirectory(prefix="heard-") as private, tempfile.TemporaryDirectory(prefix="sw-") as place:
        swept, heard = Path(place), Path(private) / "needles"
        heard.touch()
        for name in ("t", "kept"):
            (swept / name).mkdir()
        swept.chmod(0o755)  # as /tmp is: functions run as somebody else, in directories below it
        (swept / "t").chmod(0o1777)
        environment = _environment(swept, heard)
        command = [sys.executable, "-m", "pytest", "-p", "tests.faults.listening", "--basetemp", str(swept / "b")]
        command += ["-m", _marks(environment), *PARALLEL, *arguments]
        with Watch().watching() as watch, planted(swept / "planted", environment) as plants:
            with (swept / "said.log").open("wb") as log:
                code = subprocess.run(
                    command, env=environment, cwd=ROOT, stdout=log, stderr=log, check=False
                ).returncode
            said = (swept / "said.log").read_text(errors="replace").strip().splitlines()
            if code:
                print("\n".join(said[-60:]), file=sys.stderr)
            needles = Needles.read(heard)
            figures, is_clean = _sweep(needles, _hays(swept, watch, environment), plants)
    figures = {"tests": said[-1].strip("= ") if said else "", "ended": code, "needles": len(needles.texts), **figures}
    return figures, is_clean and code == 0 and needles.texts != []


def _environment(swept: Path, heard: Path) -> dict[str, str]:
    environment = {
        **os.environ,
        "SWEPT": str(swept),
        "OVERHEARD": str(heard),
        "PYTHONPATH": str(ROOT / "tests" / "faults" / "overheard"),
        "TMPDIR": str(swept / "t"),
        "LOG_LEVEL": "DEBUG",
    }
    if (socket := _postgresql(environment)) is not None:
        url = f"postgresql://postgres@/{{}}?host={socket}"
        environment |= {"DATABASE_URL": url.format("site"), "PLATFORM_DATABASE_URL": url.format("platform")}
    return environment


def _postgresql(environment: dict[str, str]) -> Path | None:
    """Return the directory of the server that `--postgresql` started."""
    url = environment.get("DATABASE_URL", "")
    return Path(parse_qs(urlsplit(url).query)["host"][0]) if url.startswith("postgres") else None


def _marks(environment: dict[str, str]) -> str:
    return "rows and not gate" if _postgresql(environment) else "not browser and not gate"


def _hays(swept: Path, watch: Watch, environment: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield everything that the tests left behind."""
    yield from _files_below(swept)
    if (server := _postgresql(environment)) is not None:
        yield from _files_below(server)
    for content, name in list(watch.seen.items()):
        yield name, content


def _files_below(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if not path.is_file() or path.is_symlink() or OF_OTHERS.search(str(path)):
            continue
        if path.suffix in IN_LINES and path.parent.name == "kept":
            for line in path.read_text(encoding="ascii").splitlines():
                source, content = json.loads(line)
                yield f"{path.suffix[1:]}: {source}", content.encode("latin-1")
        else:
            with contextlib.suppress(FileNotFoundError):
                yield str(path.relative_to(directory)), path.read_bytes()


def _sweep(needles: Needles, hays: Iterable[tuple[str, bytes]], plants: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    found: set[str] = set()
    hits: dict[str, str] = {}
    by_right: Counter[str] = Counter()
    searched = size = 0
    for name, hay in hays:
        searched, size = searched + 1, size + len(hay)
        if not (window := needles.found_in(hay)):
            continue
        if plant := next((plant for plant in plants if name.startswith(plant)), ""):
            found.add(plant)
        elif reason := next((why for what, also, why in BY_RIGHT if re.search(what, name) and also in hay), ""):
            by_right[reason] += 1
        else:
            hits[name] = window[:24].decode("latin-1")
    figures = {"planted_found": len(found), "searched": searched, "bytes": size, "by_right": by_right, "hits": hits}
    return figures, len(found) == len(plants) and not hits
