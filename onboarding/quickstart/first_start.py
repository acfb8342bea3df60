"""What must be on disk before Django can read its settings: the directory, the secrets, the people, settings.env.

Everything is written once, 0600, and found again by later starts; settings.env is written last and completely, so
that its presence means that the rest is there.
"""

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path

from onboarding import files
from onboarding.environment import SETTINGS_FILE, data_dir, read_settings_file
from onboarding.quickstart import history
from onboarding.quickstart import options as quickstart_options
from onboarding.quickstart.options import Options, QuickstartError

SECRETS = {
    "secret_key": lambda: secrets.token_urlsafe(64),
    "key_encryption_keys": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "client_key_encryption_keys": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "local_sign_in": lambda: secrets.token_urlsafe(32),
}
DIRECTORIES = ("", "secrets", "logs", "platform", "identity")
PEOPLE = (("ada", "tenant"), ("grace", "tenant"), ("operator", "operator"))
LOCK_FILE = "quickstart.lock"
_held: list[int] = []  # the lock, for as long as this process lives


def prepare(arguments: list[str]) -> Options:
    """Write what is missing and point DATA_DIR at it; raise QuickstartError when that cannot be done."""
    options = quickstart_options.read(arguments, data_dir())
    os.umask(0o077)
    try:
        _check_whole(options)
        for directory in DIRECTORIES:
            (options.data_dir / directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        _lock(options)
        for name, make in SECRETS.items():
            files.write_once(options.data_dir / "secrets" / name, make)
        files.write_once(options.people_file, _people)
        _write_settings(options)
    except OSError as error:
        raise QuickstartError(
            f"The data directory {options.data_dir} cannot be used: {error.strerror or error}."
        ) from error
    os.environ["DATA_DIR"] = str(options.data_dir)
    return options


def _check_whole(options: Options) -> None:
    """Refuse a directory of which a part was deleted: what is encrypted in the rest could not be read again."""
    settings_file = options.data_dir / SETTINGS_FILE
    missing = history.missing(options)
    if settings_file.exists():
        wanted = [*(options.data_dir / "secrets" / name for name in SECRETS), options.people_file]
        gone = next((path for path in wanted if not path.exists()), None)
        missing = missing or (str(gone.relative_to(options.data_dir)) if gone else None)
    elif options.profile_file.exists() or (options.data_dir / "site.sqlite3").exists():
        missing = SETTINGS_FILE
    if missing is not None:
        raise QuickstartError(
            f"The data directory {options.data_dir} is incomplete: {missing} is missing."
            f" Put it back, or delete {options.data_dir} to start over."
        )


def _lock(options: Options) -> None:
    descriptor = os.open(options.data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise QuickstartError(
            f"A quickstart is running on {options.data_dir} already; stop it, or choose another --data-dir."
        ) from None
    _held.append(descriptor)


def _people() -> str:
    people = [
        {"username": name, "password": secrets.token_urlsafe(12), "email": f"{name}@example.com", "role": role}
        for name, role in PEOPLE
    ]
    return json.dumps({"people": people}, indent=2) + "\n"


def _write_settings(options: Options) -> None:
    """Write the settings that every management command is to find; keep what people added or changed."""
    path = options.data_dir / SETTINGS_FILE
    folder = options.data_dir / "secrets"
    kept = read_settings_file(path)
    values = {
        "FUSEBIT_RATE": "100",
        "TENANT_ISSUER_ID": f"onboarding-{secrets.token_hex(8)}",
        **kept,
        **_places(options, folder),
    }
    if values != kept:
        lines = ["# Written by quickstart, which keeps what you add; the environment overrides it."]
        files.write_private(path, "\n".join([*lines, *(f"{name}={value}" for name, value in values.items())]) + "\n")


def _places(options: Options, folder: Path) -> dict[str, str]:
    """Return the settings that follow from the options."""
    return {
        "SITE_URL": options.site_url,
        "SECRET_KEY_FILE": str(folder / "secret_key"),
        "KEY_ENCRYPTION_KEYS_FILE": str(folder / "key_encryption_keys"),
        "CLIENT_KEY_ENCRYPTION_KEYS_FILE": str(folder / "client_key_encryption_keys"),
        "SOCIAL_AUTH_LOCAL_KEY": "quickstart",
        "SOCIAL_AUTH_LOCAL_SECRET_FILE": str(folder / "local_sign_in"),
        "SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT": options.identity_url,
        "FUSEBIT_PROFILE_FILE": str(options.profile_file),
    }
