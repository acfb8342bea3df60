"""Starts the platform: directory, database, seed, then the server."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import Error as DatabaseError

from fusebit_platform import configuration
from fusebit_platform.commands import credentials
from fusebit_platform.commands.directory import Directory
from fusebit_platform.commands.errors import CommandError

ADMIN_FILE = "admin.json"
SERVER_FILE = "server.json"


def open_platform(path: Path, base_url: str) -> Directory:
    """Prepare the directory and Django for it."""
    directory = Directory(path)
    directory.prepare()
    os.environ["PLATFORM_DATA_DIR"] = str(path)
    os.environ["PLATFORM_BASE_URL"] = base_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "fusebit_platform.settings"
    configuration.replace(configuration.load())
    django.setup()
    return directory


def serve(*, path: Path, port: int, base_url: str | None, seed_file: Path | None, allow_weak_sandbox: bool) -> None:
    """Run the platform until it is told to stop."""
    seed = _read_seed(seed_file) if seed_file else {}
    address = str(base_url or seed.get("baseUrl") or seed.get("audience") or f"http://localhost:{port}").rstrip("/")
    directory = open_platform(path, address)
    if not directory.lock():
        raise CommandError(f"Another platform is running on the directory {path}.")
    try:
        call_command("migrate", verbosity=0, interactive=False)
        _populate(directory, seed)
    except DatabaseError as error:
        raise CommandError(f"The platform's database cannot be used: {str(error).strip()}.") from None
    directory.write(SERVER_FILE, {"baseUrl": address, "port": port})
    from fusebit_platform.server import serve as run

    try:
        run(port=port, base_url=address, allow_weak_sandbox=allow_weak_sandbox)
    except OSError as error:
        raise CommandError(error.strerror or str(error)) from None
    except Exception as error:
        logging.getLogger(__name__).debug("The server ended", exc_info=True)
        raise CommandError(str(error) or "The platform could not be started.") from None


def _read_seed(path: Path) -> dict[str, Any]:
    try:
        seed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"The seed file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise CommandError(f"The seed file {path} is not JSON.") from None
    if not isinstance(seed, dict) or not seed:
        raise CommandError(f"The seed file {path} is no JSON object with members.")
    return seed


def _populate(directory: Directory, content: dict[str, Any]) -> None:
    from fusebit_platform.commands import seed
    from fusebit_platform.errors import PlatformError
    from fusebit_platform.services import seeding

    if content:
        try:
            seeding.apply(seed.check(content))
        except PlatformError as error:
            raise CommandError(f"The seed file is not usable: {error.message}.") from None
    elif seeding.is_empty():
        ids, keys = seeding.new_ids(), credentials.key_pair()
        identity = {"issuer": f"admin-{keys['kid']}", "subject": "admin"}
        names = {"account": ids["account"], "subscription": ids["subscription"]}
        # Stored first: an account whose key is lost could never be used.
        directory.write(ADMIN_FILE, credentials.profile("admin", names, identity, keys))
        seeding.apply(_first_account(ids, identity, keys))


def _first_account(ids: dict[str, str], identity: dict[str, str], keys: dict[str, str]) -> dict[str, Any]:
    public_key = {"keyId": keys["kid"], "publicKey": keys["publicKey"]}
    return {
        "account": {"id": ids["account"], "displayName": "Embedded"},
        "subscription": {"id": ids["subscription"], "displayName": "Embedded"},
        "issuer": {"id": identity["issuer"], "displayName": "Administrator", "publicKeys": [public_key]},
        "user": {
            "id": ids["user"],
            "firstName": "Administrator",
            "identities": [{"issuerId": identity["issuer"], "subject": identity["subject"]}],
            "access": {"allow": [{"action": "*", "resource": "/"}]},
        },
    }
