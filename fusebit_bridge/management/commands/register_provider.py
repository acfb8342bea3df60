"""Makes the issuer of a sign-in provider known at Fusebit, so that its people's own access tokens work there."""

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fusebit_bridge import issuers
from fusebit_bridge.errors import FusebitError


class Command(BaseCommand):
    """`manage.py register_provider PROVIDER --keys-url URL`."""

    help = (
        "Registers the issuer that FUSEBIT_ISSUERS_OF_PROVIDERS names for the provider, with the https URL of its"
        " public keys (`jwks_uri` in its discovery document). People who sign in through it then have that identity,"
        " too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("provider", help="As in the redirect URI: auth0, oidc, …")
        parser.add_argument("--keys-url", required=True, metavar="URL", help="Where its public keys are.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register, or say what an account admin has to type first and exit with 1."""
        issuer_id = settings.FUSEBIT_ISSUERS_OF_PROVIDERS.get(options["provider"])
        if issuer_id is None:
            raise CommandError(f"FUSEBIT_ISSUERS_OF_PROVIDERS names no issuer for {options['provider']}.")
        if urlsplit(options["keys_url"]).scheme != "https":
            raise CommandError("The URL of the keys must be an https URL: whoever can change it can sign for anybody.")
        try:
            commands = issuers.register_provider(issuer_id, options["keys_url"])
        except FusebitError as error:
            raise CommandError(error.message) from None
        if commands:
            self.stdout.write("An account admin lets the client register the issuer, once, by typing:")
            for line in commands:
                self.stdout.write(f"    {line}")
            raise CommandError("Then run this again.")
        self.stdout.write(f"Fusebit knows {issuer_id}; the worker adds its identities within a quarter of an hour.")
