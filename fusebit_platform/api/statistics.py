"""Statistics, which need an analytics back end that an embedded server does not have (contract 7.4)."""

from django.http import HttpResponse

from fusebit_platform.api.base import Endpoint
from fusebit_platform.errors import MethodNotAllowed


class Statistics(Endpoint):
    """`{A,S,B,F}/statistics/{key}`"""

    actions = {"GET": "function:get"}

    def get(self) -> HttpResponse:
        """Say that there are none."""
        raise MethodNotAllowed(f"Unsupported query: {self.ids['key']}")
