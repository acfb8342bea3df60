"""Takes in the client profile that Fusebit's command line exported."""

import os
import stat
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from fusebit_bridge import client_import, issuers
from fusebit_bridge.client_import import Imported
from fusebit_bridge.credentials import PROFILE_LIMIT, ClientProfile
from fusebit_bridge.errors import Busy, Failed, FusebitError, Unreachable

STANDARD_INPUT = "-"


class Command(BaseCommand):
    """`manage.py import_client FILE|- [--tenant-issuer ID]`."""

    help = (
        "Stores a client profile (the JSON of `profile get --includeCredentials -o json`) with its key encrypted, and"
        " makes the issuer of tenants' identities known at Fusebit. May be repeated, for instance after the base URL"
        " changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; a key is never one of them."""
        parser.add_argument(
            "file",
            nargs="?",
            default=settings.FUSEBIT_PROFILE_FILE,
            help="a file that only you may read, or - for standard input; by default FUSEBIT_PROFILE_FILE",
        )
        parser.add_argument(
            "--tenant-issuer", default="", metavar="ID", help="the issuer id to use at the first import"
        )

    @sensitive_variables()
    def handle(self, *_args: Any, **options: Any) -> None:
        """Import, register, and say what is left to do; exit 1 with a sentence when nothing was stored."""
        source: str = options["file"]
        if not source:
            raise CommandError("Give the profile's file, or - for standard input.")
        try:
            profile = ClientProfile.from_json(_read(source))
            imported = client_import.import_profile(profile=profile, tenant_issuer_id=options["tenant_issuer"])
            how = "its key is stored encrypted" if imported.client.key else "its tokens come from FUSEBIT_TOKEN_URL"
            self.stdout.write(f"Imported {imported.client}; {how}.")
            self._register(imported)
        except FusebitError as error:
            raise CommandError(_explained(error)) from None
        if source != STANDARD_INPUT and imported.client.key:
            self.stdout.write(f"Now delete {source}: the key in it is not needed any more.")

    def _register(self, imported: Imported) -> None:
        issuer = imported.issuer.issuer_id
        try:
            registered = issuers.ensure_registered()
        except (Unreachable, Failed, Busy) as error:
            self.stderr.write(
                f"{error.message} The issuer {issuer} is not registered so far:"
                f" run this command again when {imported.client.base_url} answers."
            )
            return
        if registered:
            self.stdout.write(f"Tenants' identities live under the issuer {issuer}, which Fusebit knows.")
            return
        self.stdout.write(
            f"The client may not register the issuer {issuer}. An account admin lets it, once, by typing:"
        )
        for line in issuers.commands_for_admin(imported.client, imported.agent, issuer):
            self.stdout.write(f"    {line}")
        meanwhile = (
            f"tenants' identities live under the client's own issuer, {imported.client.issuer_id}, and the client's key"
            " signs for them"
            if imported.client.key
            else "nobody is given access, for the client has no key that could sign for them"
        )
        self.stdout.write(f"Then run this command again. Until then {meanwhile}.")


@sensitive_variables()
def _read(source: str) -> bytes:
    """Return the profile's bytes; refuse a file that somebody else could have read or written."""
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read(PROFILE_LIMIT + 1)
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if os.path.islink(source):  # noqa: PTH114 (only to explain)
            raise CommandError(f"{source} is a symbolic link; give the file itself.") from None
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from None
    try:
        _check(source, os.fstat(descriptor))  # what is checked is what is read
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(PROFILE_LIMIT + 1)
    finally:
        os.close(descriptor)


def _check(source: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CommandError(f"{source} is not a regular file.")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CommandError(f"{source} may be read by others. Type: chmod 600 {source}")
    if found.st_uid != os.geteuid():
        raise CommandError(f"{source} belongs to another user.")


def _explained(error: FusebitError) -> str:
    reference = f" (request {error.reference_id})" if error.reference_id else ""
    hint = ""
    if error.code == "refused":
        hint = (
            " Fusebit does not accept this key for this account: look at “account”, “pki.kid”, “pki.issuer”,"
            " “pki.subject” and “pki.audience”, and at this machine's clock."
        )
    return f"{error.message}{hint}{reference}"
