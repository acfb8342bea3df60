"""The sign-in providers that are configured, and what social-auth needs to know of them."""

from typing import Any

from social_core.pipeline import DEFAULT_AUTH_PIPELINE

from onboarding.environment import Environment

PIPELINE = tuple(step for step in DEFAULT_AUTH_PIPELINE if not step.endswith("load_extra_data"))


def backends(env: Environment) -> list[str]:
    """Return the dotted paths of the configured social-auth backends."""
    return []


def settings(env: Environment) -> dict[str, Any]:
    """Return the SOCIAL_AUTH_* settings of the configured backends."""
    return {}


def origins(env: Environment) -> list[str]:
    """Return the origins that the sign-in form may be redirected to."""
    return []
