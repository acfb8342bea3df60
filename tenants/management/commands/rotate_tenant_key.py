"""Exchanges the key that signs for tenants while everything keeps running."""

from tenants.management.commands import rotate_client_key


class Command(rotate_client_key.Command):
    """`manage.py rotate_tenant_key [--step | --undo | --compromised]`."""

    purpose = "tenant"
