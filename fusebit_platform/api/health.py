"""Whether the server is up (contract 1.8)."""

import time

from django.http import HttpResponse

from fusebit_platform.api.base import PUBLIC, Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.models import Account
from fusebit_platform.services import accounts
from fusebit_platform.services.tags import SERVER_VERSION


class Health(Endpoint):
    """`/health`"""

    actions = {"GET": PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """Say which version answers, once the database does."""
        Account.objects.exists()
        return answer({"version": SERVER_VERSION})


class Analytics(Endpoint):
    """`/health/analytics`"""

    actions = {"GET": PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """Say that there is nothing to be ill."""
        return answer({"status": "ok"})


class Refresh(Endpoint):
    """`/refresh`"""

    actions = {"GET": PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """Read the defaults of subscriptions, and say that this was now: nothing else has to be read again."""
        accounts.defaults()
        now = int(time.time() * 1000)
        return answer({"cache": now + 10_000, "who": "embedded", "at": now})


class Metrics(Endpoint):
    """`/metrics`"""

    actions = {"GET": PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """Return the gauges of concurrency."""
        return answer({"rateLimits": {"concurrency": {"current": {}, "maximums": {}}}})
