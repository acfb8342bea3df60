"""System checks of the site: what is configured, but cannot work as it is."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Info, register


@register()
def sign_in(**_what: Any) -> list[CheckMessage]:
    """Tell of providers that lack a setting, and of a site that nobody can sign in to."""
    found: list[CheckMessage] = [
        checks.Warning(
            f"The sign-in provider {name} has no button: {', '.join(missing)} is not set.",
            hint="Set it, or remove the other settings of this provider.",
            id="onboarding.W001",
        )
        for name, missing in settings.SIGN_IN_HALF_CONFIGURED.items()
    ]
    if not settings.SIGN_IN_BUTTONS and not settings.DEBUG:
        found.append(
            Info(
                "No sign-in provider is configured, so nobody but operators can sign in.",
                hint="Set, for example, SOCIAL_AUTH_GITHUB_KEY and SOCIAL_AUTH_GITHUB_SECRET.",
                id="onboarding.I002",
            )
        )
    return found
