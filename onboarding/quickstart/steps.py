"""What quickstart does, step by step; each step is skipped when it was done before."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from onboarding import files
from onboarding.quickstart import history, programs
from onboarding.quickstart.children import Child, Children
from onboarding.quickstart.options import Options, QuickstartError

CLIENT = "onboarding"


def say(text: str) -> None:
    """Print a line of progress; stdout is for the one line that says that all is ready."""
    print(text, file=sys.stderr, flush=True)


def bring_up(options: Options, children: Children, node: str) -> None:
    """Start everything, in the order in which one needs the other, and return when all of it answers."""
    say("  · the embedded Fusebit and the local sign-in are starting")
    programs.start_platform(options, children, node)
    programs.start_identity(options, children)
    prepare_database(options)
    if not is_client_ready(options):
        children.wait_until("embedded Fusebit", answers(f"{options.platform_url}/v1/health"))
        set_up_client(options, node)
    say("  · the site and the worker are starting")
    programs.start_site(options, children)
    worker = programs.start_worker(options, children)
    children.wait_until("embedded Fusebit", answers(f"{options.platform_url}/v1/health"))
    children.wait_until("local sign-in", answers(f"{options.identity_url}/.well-known/openid-configuration"))
    children.wait_until("worker", says(worker, "Worker is ready."))
    children.wait_until("site", is_serving(f"{options.site_url}/readyz"))
    history.note_made(options, "platform", "identity")


def answers(url: str) -> Callable[[], bool]:
    """Return a question: does `url` answer with 200?"""
    return lambda: _get(url)[0] == 200


def is_serving(url: str) -> Callable[[], bool]:
    """Return a question: does the site reach its database and Fusebit? Work left over from last time may be late."""

    def ask() -> bool:
        _status, body = _get(url)
        try:
            checks = json.loads(body)["checks"]
        except (ValueError, KeyError, TypeError):
            return False
        return bool(checks["database"] == checks.get("fusebit") == "ok")

    return ask


def says(child: Child, text: str) -> Callable[[], bool]:
    """Return a question: has the process written `text` to its log?"""
    return lambda: text in child.words()


def _get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def prepare_database(options: Options) -> None:
    """Bring the site's database up to date, with an operator in it."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            say("  · the site's database is being prepared")
            call_command("migrate", verbosity=0, interactive=False)
        _ensure_operator(options)
    except DatabaseError as error:
        words = (str(error).strip() or type(error).__name__).splitlines()
        raise QuickstartError(f"The site's database cannot be used: {words[0]}.") from None
    finally:
        connection.close()
    if connection.vendor == "sqlite":
        history.note_made(options, "site.sqlite3")


def _ensure_operator(options: Options) -> None:
    operator = next(person for person in people(options) if person["role"] == "operator")
    if not User.objects.filter(username=operator["username"]).exists():
        User.objects.create_superuser(operator["username"], operator["email"], operator["password"])


def people(options: Options) -> list[dict[str, str]]:
    """Return who can sign in: `username`, `password`, `email`, `role`."""
    try:
        return list(json.loads(options.people_file.read_text(encoding="utf-8"))["people"])
    except (OSError, ValueError, KeyError, TypeError):
        raise QuickstartError(
            f"{options.people_file} cannot be read; delete {options.data_dir} to start over."
        ) from None


def is_client_ready(options: Options) -> bool:
    """Tell whether the bridge knows the client at the address of today."""
    return bool(history.read(options).get("imported_for") == options.platform_url)


def set_up_client(options: Options, node: str) -> None:
    """Walk "Setting up a Client" with the platform's own commands, once; then import the client's profile."""
    if not history.read(options).get("client"):
        say("  · a client of the embedded Fusebit is being set up")
        _make_client(options, node)
    profile = programs.ask_platform(options, node, "profile", "get", CLIENT, "--includeCredentials", "-o", "json")
    _let_it_rotate(options, node, json.loads(profile))
    files.write_private(options.profile_file, profile)
    say("  · the client is being imported into the bridge")
    programs.manage(options, "import_client", str(options.profile_file), "--tenant-issuer", settings.TENANT_ISSUER_ID)
    history.note(options, imported_for=options.platform_url)
    history.note_made(options, options.profile_file.name)


def _let_it_rotate(options: Options, node: str, profile: dict[str, Any]) -> None:
    """Let the client exchange its own key, once it is known under which issuer that key is."""
    if history.read(options).get("may_rotate"):
        return
    issuer = f"/account/{profile['account']}/issuer/{quote(profile['pki']['issuer'], safe='')}/"
    client = history.read(options)["client"]
    programs.ask_platform(options, node, "client", "access", "add", client, "issuer:*", "-r", issuer)
    history.note(options, may_rotate=True)


def _make_client(options: Options, node: str) -> None:
    client = json.loads(programs.ask_platform(options, node, "client", "add", CLIENT))["id"]
    grant = ("client", "access", "add", client)
    granted = json.loads(programs.ask_platform(options, node, *grant, "user:*"))
    functions = json.loads(programs.ask_platform(options, node, *grant, "function:*"))
    # More than the guide gives, and no more than it takes to register the issuer of our tenants' identities.
    account = granted["access"]["allow"][0]["resource"].rstrip("/")
    issuer = f"{account}/issuer/{quote(settings.TENANT_ISSUER_ID, safe='')}/"
    programs.ask_platform(options, node, *grant, "issuer:*", "-r", issuer)
    # And to suspend a boundary as a whole, which other servers have no words for.
    inside = next(entry["resource"] for entry in functions["access"]["allow"] if entry["action"] == "function:*")
    programs.ask_platform(options, node, *grant, "policy:update", "-r", inside)
    programs.ask_platform(options, node, "client", "init", client)
    history.note(options, client=client)
