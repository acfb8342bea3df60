"""Starts the platform: directory, database, seed, then the server."""

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
    seed = _seed(seed_file)
    address = (base_url or seed.get("baseUrl") or seed.get("audience") or f"http://localhost:{port}").rstrip("/")
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


def _seed(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    os.environ["DJANGO_SETTINGS_MODULE"] = "fusebit_platform.settings"
    from fusebit_platform.commands import seed

    return seed.read(path)


def _populate(directory: Directory, seed: dict[str, Any]) -> None:
    from fusebit_platform.services import seeding

    if seed:
        seeding.apply(seed)
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
