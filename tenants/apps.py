"""The product as a Django app."""

from importlib import import_module

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants, members, functions, versions and runs."""

    name = "tenants"
    verbose_name = "Tenants and functions"

    def ready(self) -> None:
        """Connect the receiver, and tell the API's description of its tokens."""
        import_module("tenants.receivers")
        import_module("tenants.api.schema")
