"""System checks of what the bridge needs to be told, each with an id and a hint."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from fusebit_bridge.encryption import SETTING_OF_PURPOSE, Ring
from fusebit_bridge.errors import NotConfigured
from fusebit_bridge.execution import origin_of

HOW_TO_MAKE_A_KEY = "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"


@checks.register(checks.Tags.security)
def encryption_keys(**_options: Any) -> list[checks.CheckMessage]:
    """E001: a ring that cannot be used. W001: none for the tenants' keys. E002: both purposes share a key."""
    found: list[checks.CheckMessage] = []
    rings: dict[str, Ring] = {}
    for purpose, setting in SETTING_OF_PURPOSE.items():
        text = _readable(setting)
        if not text:
            if purpose == "tenant":
                found.append(_no_ring(setting))
            continue
        try:
            rings[purpose] = Ring.parse(text, setting)
        except NotConfigured as error:
            hint = f"Make a key with: {HOW_TO_MAKE_A_KEY}"
            found.append(checks.Error(error.message, hint=hint, id="fusebit_bridge.E001"))
    if len(rings) == len(SETTING_OF_PURPOSE) and not rings["client"].keys.keys().isdisjoint(rings["tenant"].keys):
        found.append(
            checks.Error(
                "CLIENT_KEY_ENCRYPTION_KEYS and KEY_ENCRYPTION_KEYS have a key in common.",
                hint="The site reads the one and must not be able to open what the other protects.",
                id="fusebit_bridge.E002",
            )
        )
    return found


@checks.register(checks.Tags.security)
def run_origins(**_options: Any) -> list[checks.CheckMessage]:
    """E003: FUSEBIT_RUN_ORIGINS has something that is not an origin."""
    wrong: Sequence[str] = [origin for origin in settings.FUSEBIT_RUN_ORIGINS if not _is_origin(origin)]
    return [
        checks.Error(
            f"FUSEBIT_RUN_ORIGINS has {origin!r}, which is not scheme, host and port.",
            hint="For example https://run.example.com; several are separated by commas.",
            id="fusebit_bridge.E003",
        )
        for origin in wrong
    ]


@checks.register(checks.Tags.security)
def authorization_server(**_options: Any) -> list[checks.CheckMessage]:
    """E004: FUSEBIT_TOKEN_URL would send the secret in the clear. E005: it is set without a client id."""
    url = settings.FUSEBIT_TOKEN_URL
    if not url:
        return []
    found: list[checks.CheckMessage] = []
    parts = urlsplit(url)
    is_local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        hint = "The client's secret goes there: use https."
        found.append(checks.Error("FUSEBIT_TOKEN_URL is not an https URL.", hint=hint, id="fusebit_bridge.E004"))
    if not settings.FUSEBIT_CLIENT_ID:
        hint = "Set it, and FUSEBIT_CLIENT_SECRET_FILE for the worker."
        found.append(checks.Error("FUSEBIT_CLIENT_ID is not set.", hint=hint, id="fusebit_bridge.E005"))
    return found


@checks.register(checks.Tags.security, deploy=True)
def profile_file(**_options: Any) -> list[checks.CheckMessage]:
    """W002: the profile with the private key is still on disk."""
    path = settings.FUSEBIT_PROFILE_FILE
    if not path or not os.path.exists(path):  # noqa: PTH110 (a string from the environment)
        return []
    return [
        checks.Warning(
            "The client profile with its private key is still on disk.",
            hint=f"After `manage.py import_client` it is not needed: delete {path}.",
            id="fusebit_bridge.W002",
        )
    ]


def _no_ring(setting: str) -> checks.CheckMessage:
    return checks.Warning(
        f"{setting} is not set, so no function can be edited or called.",
        hint=f"Set it or {setting}_FILE. Make a key with: {HOW_TO_MAKE_A_KEY}",
        id="fusebit_bridge.W001",
    )


def _readable(setting: str) -> str:
    """Return the ring's text, or nothing where this process may not read it."""
    try:
        return str(getattr(settings, setting).read())
    except ImproperlyConfigured:
        return ""


def _is_origin(text: str) -> bool:
    try:
        return origin_of(text) != "" and text.count("/") == 2
    except ValueError:
        return False
