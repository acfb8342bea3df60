"""The bridge as a Django app."""

from importlib import import_module

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """The client profile, the keys and the tokens."""

    name = "fusebit_bridge"
    verbose_name = "Bridge to Fusebit"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("fusebit_bridge.checks")
