"""How often a person may ask: counted over all of their tokens and over all processes of the site."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tenants.services import allowances

if TYPE_CHECKING:  # its module imports this one, which the settings name
    from rest_framework.views import APIView


class PerPerson(SimpleRateThrottle):
    """`API_RATE` for everything; an answer of 429 says in Retry-After when to come again."""

    scope = "person"

    def get_rate(self) -> str:
        """Return the rate as it is configured now."""
        return str(settings.API_RATE)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Use one; whoever is not signed in is counted by their address."""
        limit, seconds = self.parse_rate(self.get_rate())
        who = f"person {request.user.pk}" if request.user.is_authenticated else f"at {request.META['REMOTE_ADDR']}"
        self._wait = allowances.take(who=who[:80], what=self.scope, limit=limit or 0, seconds=seconds or 1)
        return not self._wait

    def wait(self) -> float:
        """Return in how many seconds to come again."""
        return self._wait


class RunsPerPerson(PerPerson):
    """`API_RUN_RATE` for calls of functions, beside the rate of everything."""

    scope = "runs"

    def get_rate(self) -> str:
        """Return the rate as it is configured now."""
        return str(settings.API_RUN_RATE)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count only what calls a function."""
        return not getattr(view, "runs_functions", False) or super().allow_request(request, view)
