"""How often a person may ask: counted per person over all of their tokens, in each process of the site."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

if TYPE_CHECKING:  # its module imports this one, which the settings name
    from rest_framework.views import APIView


class PerPerson(UserRateThrottle):
    """`API_RATE` for everything; an answer of 429 says in Retry-After when to come again."""

    scope = "person"

    def get_rate(self) -> str:
        """Return the rate as it is configured now."""
        return str(settings.API_RATE)


class RunsPerPerson(PerPerson):
    """`API_RUN_RATE` for calls of functions, beside the rate of everything."""

    scope = "runs"

    def get_rate(self) -> str:
        """Return the rate as it is configured now."""
        return str(settings.API_RUN_RATE)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count only what calls a function."""
        return not getattr(view, "runs_functions", False) or super().allow_request(request, view)
