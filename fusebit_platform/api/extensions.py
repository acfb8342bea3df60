"""What this server offers beyond Fusebit's own API."""

from django.http import HttpResponse

from fusebit_platform.api.base import PUBLIC, Endpoint
from fusebit_platform.api.transport import answer


class Extensions(Endpoint):
    """`/extensions`"""

    actions = {"GET": PUBLIC}

    def get(self) -> HttpResponse:
        """List the extensions that are there."""
        return answer({"extensions": []})
