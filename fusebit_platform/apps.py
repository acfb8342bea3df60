"""The embedded Fusebit as a Django app."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Accounts, agents, functions and their executions."""

    name = "fusebit_platform"
