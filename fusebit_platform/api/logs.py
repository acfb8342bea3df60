"""Realtime logs: what functions write, as it is written (contract 7.1)."""

from django.http import HttpResponse

from fusebit_platform import authentication
from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import Stream, nothing
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import live_logs
from fusebit_platform.services.functions import Address


class BoundaryLog(Endpoint):
    """`B/log`"""

    actions = {"GET": "function:get-log"}
    token_in_query = True

    def get(self) -> HttpResponse:
        """Follow the log; whether the function exists is not asked."""
        live_logs.hub.check_room()
        return Stream(
            live_logs.hub.follow(
                account_id=self.ids["accountId"],
                subscription_id=self.ids["subscriptionId"],
                boundary_id=self.ids["boundaryId"],
                function_id=self.ids.get("functionId"),
            )
        )


class FunctionLog(BoundaryLog):
    """`F/log`"""

    actions = {"GET": "function:get-log", "POST": "function:post-logs"}
    gated = frozenset({"GET"})

    def check_path(self, method: str) -> None:
        """Check nothing when lines are delivered (contract 1.4)."""
        if method != "POST":
            super().check_path(method)

    def token(self) -> str | None:
        """Return the bearer token; the query's only for those who read."""
        return super().token() if self.http.method != "POST" else authentication.bearer(self.authorization)

    def post(self) -> HttpResponse:
        """Take lines that were written elsewhere."""
        if not isinstance(self.payload, list):
            raise BadRequest("The body must be an array of log entries.")
        address = Address(
            account_id=self.ids["accountId"],
            subscription_id=self.ids["subscriptionId"],
            boundary_id=self.ids["boundaryId"],
            function_id=self.ids["functionId"],
        )
        lines = [live_logs.line_of(address, entry) for entry in self.payload]
        live_logs.hub.publish_from_thread([line for line in lines if line is not None])
        return nothing(200)
