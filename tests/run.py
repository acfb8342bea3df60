#!/usr/bin/env python3
"""Sets up everything the tests need on a fresh machine, then runs them on SQLite and on PostgreSQL.

Usage: python3 tests/run.py [--setup-only | --gate] [pytest arguments]

With --gate it runs the cases that take long instead: escapes, faults, the whole first hour, all pages of operators.

Needs Python 3.11 and nothing else: it makes the virtual environment, installs the packages, Chromium and PostgreSQL
(by apt where it may, Chromium by Playwright elsewhere), and starts a PostgreSQL of its own. What it cannot install
it names, with the one command to type; it never skips a test instead.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EXTRAS = "quickstart,postgres,test"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
APT = ["apt-get", "-o", "DPkg::Lock::Timeout=120"]


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"» {text}", flush=True)


def give_up(what: str, command: str) -> None:
    """End with the one command that would help."""
    sys.exit(f"{what} is missing and could not be installed from here. Type: {command}")


def make_environment() -> None:
    """Make the virtual environment and install the project, unless that was done for this pyproject.toml."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / "installed-for-tests"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        say("Making the virtual environment .venv")
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    say("Installing packages")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--editable", f"{ROOT}[{EXTRAS}]"], check=False).returncode:
        give_up("A Python package", f"{PYTHON} -m pip install -e '.[{EXTRAS}]'")
    stamp.write_text(wanted)


def apt_install(*packages: str) -> bool:
    """Install Debian packages where that is allowed; tell whether it worked."""
    if not shutil.which("apt-get"):
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and not shutil.which("sudo"):
        return False
    say(f"Installing {' '.join(packages)} by apt")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = ([*APT, "-qq", "update"], [*APT, "-qq", "install", "-y", "--no-install-recommends", *packages])
    for step in steps:
        if subprocess.run([*sudo, *step], env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            return False
    return True


def find_chromium() -> str | None:
    """Return the path of a Chromium, preferring the one that CHROMIUM names."""
    configured = os.environ.get("CHROMIUM")
    if configured:
        return configured
    installed = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if installed:
        return installed
    browsers = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return next((str(path) for path in sorted(browsers.glob("chromium-*/chrome-*/chrome"))), None)


def ensure_chromium() -> str:
    """Return the path of a Chromium, installing one where there is none."""
    found = find_chromium()
    if found is None and not apt_install("chromium"):
        subprocess.run([str(PYTHON), "-m", "playwright", "install", "chromium"], check=False)
    found = found or find_chromium()
    if found is None:
        give_up("Chromium", "sudo apt-get install -y chromium")
    return str(found)


def find_postgresql() -> Path | None:
    """Return the directory of PostgreSQL's server programs, the newest first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    on_path = shutil.which("postgres")
    candidates = [*debian, *([Path(on_path).parent] if on_path else [])]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def ensure_postgresql() -> Path:
    """Return the directory of PostgreSQL's server programs, installing them where there are none."""
    found = find_postgresql()
    if found is None:
        apt_install("postgresql")
        found = find_postgresql()
    if found is None:
        give_up("PostgreSQL", "sudo apt-get install -y postgresql")
    return Path(str(found))


@contextmanager
def postgresql(programs: Path) -> Iterator[str]:
    """Run a throwaway PostgreSQL on a unix socket; yield the directory of the socket."""
    directory = Path(tempfile.mkdtemp(prefix="onboarding-pg-"))
    other_user: list[str] = []
    if os.geteuid() == 0:  # initdb refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        other_user = ["runuser", "-u", "postgres", "--"]
    cluster = directory / "cluster"
    init = [str(programs / "initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-D", str(cluster)]
    subprocess.run([*other_user, *init], check=True, stdout=subprocess.DEVNULL, cwd=directory)
    settings = ("listen_addresses=", f"unix_socket_directories={directory}", "fsync=off", "max_connections=200")
    options = [part for setting in settings for part in ("-c", setting)]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [*other_user, str(programs / "postgres"), "-D", str(cluster), *options],
            stdout=log,
            stderr=log,
            cwd=directory,
        )
    try:
        wait_for_postgresql(programs, directory, server)
        yield str(directory)
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(directory, ignore_errors=True)


def wait_for_postgresql(programs: Path, directory: Path, server: "subprocess.Popen[bytes]") -> None:
    """Return when the server takes connections; end with its log when it does not."""
    deadline = time.monotonic() + 30
    ready = [str(programs / "pg_isready"), "-q", "-h", str(directory), "-U", "postgres"]
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"PostgreSQL did not start:\n{(directory / 'log').read_text()}")
        time.sleep(0.1)


def run_tests(arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest on all cores and return its exit code."""
    processes = min(os.cpu_count() or 1, 4)
    command = [str(PYTHON), "-m", "pytest", "-n", str(processes), "--dist", "loadgroup", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    """Set up, run all rounds, and return 0 only when all passed."""
    arguments = [argument for argument in sys.argv[1:] if argument not in {"--setup-only", "--gate"}]
    make_environment()
    chromium = ensure_chromium()
    programs = ensure_postgresql()
    if "--setup-only" in sys.argv:
        return 0
    kept = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    environment = {**kept, "CHROMIUM": chromium, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    tier, of_tier = ("gate", "gate") if "--gate" in sys.argv else ("ordinary", "not gate")
    # A process of its own: Playwright keeps an event loop running in the thread that its tests use.
    say(f"The {tier} cases in the browser, on SQLite")
    failed = run_tests(["-m", f"browser and {of_tier}", *arguments], environment)
    say(f"All other {tier} cases, on SQLite")
    failed |= run_tests(["-m", f"not browser and {of_tier}", *arguments], environment)
    with postgresql(programs) as socket:
        say(f"The {tier} cases that touch rows, on PostgreSQL")
        url = f"postgresql://postgres@/{{}}?host={socket}"
        databases = {"DATABASE_URL": url.format("site"), "PLATFORM_DATABASE_URL": url.format("platform")}
        # Kept, for they go with the server: nothing has to wait until every thread has let go of them.
        on_server = ["-m", f"rows and {of_tier}", "--reuse-db", *arguments]
        failed |= run_tests(on_server, {**environment, **databases})
    return failed


if __name__ == "__main__":
    sys.exit(main())
