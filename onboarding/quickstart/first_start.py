"""What must be on disk before Django can read its settings: the directory, the secrets, the people, settings.env.

Everything is written once, 0600, and found again by later starts; settings.env is written last and completely, so
that its presence means that the rest is there.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from onboarding.environment import SETTINGS_FILE, data_dir, read_settings_file
from onboarding.quickstart import options as quickstart_options
from onboarding.quickstart.options import Options, QuickstartError

SECRETS = {
    "secret_key": lambda: secrets.token_urlsafe(64),
    "key_encryption_keys": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "client_key_encryption_keys": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "local_sign_in": lambda: secrets.token_urlsafe(32),
}
PEOPLE = (("ada", "tenant"), ("grace", "tenant"), ("operator", "operator"))


def prepare(arguments: list[str]) -> Options:
    """Write what is missing and point DATA_DIR at it; raise QuickstartError when that cannot be done."""
    options = quickstart_options.read(arguments, data_dir())
    os.umask(0o077)
    settings_file = options.data_dir / SETTINGS_FILE
    try:
        _check_whole(options, settings_file)
        for directory in ("", "secrets", "logs", "platform", "identity"):
            (options.data_dir / directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, make in SECRETS.items():
            _write_once(options.data_dir / "secrets" / name, make)
        _write_once(options.people_file, _people)
        _write_settings(options, settings_file)
    except OSError as error:
        raise QuickstartError(
            f"The data directory {options.data_dir} cannot be written: {error.strerror or error}."
        ) from error
    os.environ["DATA_DIR"] = str(options.data_dir)
    return options


def _check_whole(options: Options, settings_file: Path) -> None:
    """Refuse a directory of which a part was deleted: what is encrypted in the rest could not be read again."""
    if settings_file.exists():
        wanted = [*(options.data_dir / "secrets" / name for name in SECRETS), options.people_file, *_made(options)]
        missing = next((path for path in wanted if not path.exists()), None)
    else:
        left = next((path for path in (options.data_dir / "site.sqlite3", options.profile_file) if path.exists()), None)
        missing = settings_file if left else None
    if missing is not None:
        raise QuickstartError(
            f"The data directory {options.data_dir} is incomplete: {missing.relative_to(options.data_dir)} is missing. "
            f"Put it back, or delete {options.data_dir} to start over."
        )


def _made(options: Options) -> list[Path]:
    """Return the paths that earlier starts noted as made."""
    return [options.data_dir / name for name in made(options)]


def made(options: Options) -> list[str]:
    """Return the names, relative to the data directory, that `note_made` was told."""
    try:
        return list(json.loads((options.data_dir / "made.json").read_text()))
    except (FileNotFoundError, ValueError):
        return []


def note_made(options: Options, name: str) -> None:
    """Remember that `name` was made, so that its loss is noticed."""
    names = made(options)
    if name not in names:
        write_private(options.data_dir / "made.json", json.dumps([*names, name]))


def _people() -> str:
    people = [
        {"username": name, "password": secrets.token_urlsafe(12), "email": f"{name}@example.com", "role": role}
        for name, role in PEOPLE
    ]
    return json.dumps({"people": people}, indent=2) + "\n"


def _write_settings(options: Options, path: Path) -> None:
    """Write the settings that every management command is to find; keep what was chosen at the first start."""
    kept = read_settings_file(path)
    folder = options.data_dir / "secrets"
    values = {
        "SITE_URL": options.site_url,
        "SECRET_KEY_FILE": folder / "secret_key",
        "KEY_ENCRYPTION_KEYS_FILE": folder / "key_encryption_keys",
        "CLIENT_KEY_ENCRYPTION_KEYS_FILE": folder / "client_key_encryption_keys",
        "SOCIAL_AUTH_LOCAL_KEY": "quickstart",
        "SOCIAL_AUTH_LOCAL_SECRET_FILE": folder / "local_sign_in",
        "SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT": options.identity_url,
        "FUSEBIT_PROFILE_FILE": options.profile_file,
        "TENANT_ISSUER_ID": kept.get("TENANT_ISSUER_ID") or f"onboarding-{secrets.token_hex(8)}",
    }
    lines = ["# Written by quickstart; the environment overrides it."]
    text = "\n".join([*lines, *(f"{name}={value}" for name, value in values.items())]) + "\n"
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


def _write_once(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        write_private(path, make())


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner can read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
