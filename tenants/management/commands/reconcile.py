"""Compares Fusebit with what should be there, and brings it in line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.services import convergence
from tenants.services.drift import Line

UNASKED = 2  # the exit code when Fusebit could not be asked
ROW = "{0.verb:<8} {0.subject:<40} {0.fusebit_user:<24} {0.detail}"


class Command(BaseCommand):
    """`manage.py reconcile [--dry-run]`."""

    help = (
        "Prints what differs between Fusebit and our rows (create, update, delete, orphan, foreign) and applies what"
        " can be applied. Exits with 0 when nothing differs in the end, 1 when something does, 2 when Fusebit could"
        " not be asked. Orphans (users under our issuer that no row knows) and foreign owners are never touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the option."""
        parser.add_argument("--dry-run", action="store_true", help="Print only.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the plan and apply it, unless it is a dry run."""
        outcome = convergence.plan()
        self._print("To do" if options["dry_run"] else "Found", outcome)
        if outcome.lines and not options["dry_run"]:
            outcome = convergence.apply()
            self._print("Left", outcome)
        if outcome.lines:
            raise CommandError(f"{len(outcome.lines)} differences.", returncode=1)

    def _print(self, title: str, outcome: convergence.Outcome) -> None:
        if outcome.failure:
            raise CommandError(outcome.failure, returncode=UNASKED)
        self.stdout.write(f"{title}: {outcome.summary}")
        for line in outcome.lines:
            self.stdout.write(self._row(line))

    def _row(self, line: Line) -> str:
        return ROW.format(line).rstrip()
