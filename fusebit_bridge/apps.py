"""The bridge as a Django app."""

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """The client profile, the keys and the tokens."""

    name = "fusebit_bridge"
