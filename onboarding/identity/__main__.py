"""Runs the provider: `python -m onboarding.identity --help`."""

import json
import os
import secrets
from argparse import ArgumentParser, Namespace
from importlib import metadata
from pathlib import Path

import django
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import call_command

from onboarding import files

CLIENT_ID = "quickstart"
# A loopback redirect URI without a port matches any port (RFC 8252 7.3).
REDIRECT_URI = "http://127.0.0.1/auth/complete/local/"


def read_arguments() -> Namespace:
    """Return the port, the directory, and the files with the people and with the client's secret."""
    parser = ArgumentParser(prog="python -m onboarding.identity", description="The local OpenID provider.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--client-secret-file", type=Path, required=True)
    return parser.parse_args()


def make_keys(directory: Path) -> None:
    """Make the secret and the signing key at the first start."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_once(directory / "secret_key", lambda: secrets.token_urlsafe(64))
    files.write_once(directory / "signing_key.pem", signing_key)


def signing_key() -> str:
    """Return a new private key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def complete(arguments: Namespace, directory: Path) -> None:
    """Bring the database up to date, once for each version of what it is made of."""
    made_of = f"{django.__version__} {metadata.version('django-oauth-toolkit')}\n"
    stamp = directory / "complete_for"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_of:
        return
    call_command("migrate", verbosity=0, interactive=False)
    enrol(arguments.people, arguments.client_secret_file.read_text(encoding="utf-8").strip())
    files.write_private(stamp, made_of)


def enrol(people_file: Path, client_secret: str) -> None:
    """Write the people and the one client; what is there already is left as it is."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import get_application_model

    for person in json.loads(people_file.read_text(encoding="utf-8"))["people"]:
        if person["role"] == "tenant" and not User.objects.filter(username=person["username"]).exists():
            first_name = person["username"].title()
            User.objects.create_user(person["username"], person["email"], person["password"], first_name=first_name)
    applications = get_application_model().objects
    if not applications.filter(client_id=CLIENT_ID).exists():
        applications.create(
            client_id=CLIENT_ID,
            client_secret=client_secret,
            hash_client_secret=False,  # a random secret gains nothing from a slow hash on every sign-in
            name="Fusebit onboarding",
            client_type="confidential",
            authorization_grant_type="authorization-code",
            algorithm="RS256",
            skip_authorization=True,
            redirect_uris=REDIRECT_URI,
        )


def main() -> None:
    """Make what is missing, then serve until SIGTERM."""
    arguments = read_arguments()
    directory = arguments.data_dir.resolve()
    os.umask(0o077)
    make_keys(directory)
    os.environ["IDENTITY_DIR"] = str(directory)
    os.environ["IDENTITY_ISSUER"] = f"http://127.0.0.1:{arguments.port}"
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback only
    os.environ["DJANGO_SETTINGS_MODULE"] = "onboarding.identity.settings"
    django.setup()
    complete(arguments, directory)
    from onboarding.identity.asgi import application

    uvicorn.run(
        application,
        host="127.0.0.1",
        port=arguments.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
