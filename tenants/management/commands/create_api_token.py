"""Makes a personal API token and prints it once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants import selectors
from tenants.errors import InvalidInput
from tenants.models import Tenant
from tenants.services import tokens


class Command(BaseCommand):
    """`manage.py create_api_token EMAIL --name NAME [--tenant SLUG] [--scope SCOPE] [--days N]`."""

    help = "Prints a personal API token once, alone on the last line; only its digest is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email", help="Whose token it is.")
        parser.add_argument("--name", required=True, help="What it is for.")
        parser.add_argument("--tenant", help="The slug of the only tenant that it may touch.")
        parser.add_argument("--scope", choices=tokens.ORDER, default=tokens.ORDER[-1], help="What it may do.")
        parser.add_argument("--days", type=int, help="After how many days it expires; never without.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the token; exit 1 when the person or the tenant is unknown."""
        user = self._user(options["email"])
        tenant = self._tenant(user, options["tenant"])
        days = options["days"]
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        try:
            _, token = tokens.create(
                user=user, name=options["name"], tenant=tenant, scope=options["scope"], expires_at=expires_at
            )
        except InvalidInput as error:
            raise CommandError(error.message) from error
        self.stderr.write(f"A token of {user.email} named {options['name']}; it will not be shown again:")
        self.stdout.write(token)

    def _user(self, email: str) -> User:
        """E-mail never associates accounts, so several people may show the same one: then nobody is meant."""
        found = list(User.objects.filter(email__iexact=email, is_active=True, social_auth__isnull=False).distinct()[:2])
        if len(found) != 1:
            raise CommandError(
                f"{'Nobody' if not found else 'More than one person'} has signed in with the address {email}."
            )
        return found[0]

    def _tenant(self, user: User, slug: str | None) -> Tenant | None:
        if slug is None:
            return None
        membership = selectors.memberships_of(user).filter(tenant__slug=slug).first()
        if membership is None:
            raise CommandError(f"{user.email} is not a member of a tenant {slug}.")
        return membership.tenant
