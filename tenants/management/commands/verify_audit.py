"""Checks that the audit trail is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.errors import TenantError
from tenants.services import audit


class Command(BaseCommand):
    """`manage.py verify_audit`."""

    help = "Computes the marks of every chain of the audit trail again; exit code 1 names the first wrong row of each."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Verify all chains."""
        try:
            found = audit.verify()
        except TenantError as error:
            raise CommandError(error.message) from error
        for finding in found:
            self.stderr.write(f"Chain {finding.chain}, row {finding.number}: {finding.problem}.")
        rows, unkeyed = audit.counts()
        self.stdout.write(f"{rows} rows were checked, {unkeyed} of them written before there was a key.")
        if found:
            raise CommandError(f"{len(found)} chains are not as they were written.")
