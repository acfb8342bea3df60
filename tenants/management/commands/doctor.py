"""Says what is in order and what is not, and what to type."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.services import diagnosis


class Command(BaseCommand):
    """`manage.py doctor`."""

    help = (
        "Looks at key files, clocks, Fusebit, what the client may do there, our issuer, the sandbox, the worker and the"
        " rows. Run it where the worker runs: it reads the client's key. Exits with 1 when something fails."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the findings as they are made."""
        failed = 0
        for finding in diagnosis.examine():
            failed += finding.level == diagnosis.FAIL
            self.stdout.write(f"{finding.level:<4}  {finding.subject}: {finding.words}")
            for line in finding.commands:
                self.stdout.write(f"          {line}")
        if failed:
            raise CommandError(f"{failed} findings need somebody.")
