"""The site as a Django app."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    """Sign-in pages, health and the quickstart command."""

    name = "onboarding"

    def ready(self) -> None:
        """Register the system checks."""
        from onboarding import checks  # noqa: F401 (importing registers)
