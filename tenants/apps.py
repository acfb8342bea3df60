"""The product as a Django app."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants, members, functions, versions and runs."""

    name = "tenants"
