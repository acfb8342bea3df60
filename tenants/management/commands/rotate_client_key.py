"""Exchanges a signing key while everything keeps running."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.services import keys

WAITS = 3  # the exit code when it goes on later


class Command(BaseCommand):
    """`manage.py rotate_client_key [--step | --undo | --compromised]`."""

    purpose = "client"
    help = (
        "Makes a new key, adds it to the issuer at Fusebit, tries it, lets it sign, waits until nothing that the old"
        " one signed can be under way, and removes the old one. Run it again to go on: exit code 3 says that it waits."
        " Every step but the last can be undone. Run it where the worker runs: it reads the client's key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--step", action="store_true", help="Take the next step only.")
        group.add_argument("--undo", action="store_true", help="Take the last step back.")
        group.add_argument(
            "--compromised",
            action="store_true",
            help="Somebody else may have the old key: do not wait, whatever was signed with it is refused at once.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Go on, or go back, and say what was done."""
        outcome = keys.attempt(
            self.purpose, undo=options["undo"], only_next=options["step"], at_once=options["compromised"]
        )
        for progress in outcome.progress:
            self.stdout.write(progress.done)
            for line in progress.commands:
                self.stdout.write(f"    {line}")
        if outcome.failure:
            raise CommandError(outcome.failure)
        if outcome.progress[-1].following:
            self.stdout.write(outcome.progress[-1].following)
        if outcome.progress[-1].waits:
            raise CommandError("It goes on when this is run again.", returncode=WAITS)
