"""What ran in a boundary: pages of runs, and one of them with what it printed."""

import re
from typing import Annotated

from django.http import HttpResponse
from pydantic import AfterValidator, Field

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.errors import NotFound
from fusebit_platform.services import runs
from fusebit_platform.services.runs import Boundary, Filters
from fusebit_platform.validation import FunctionId, Shape, Text, whole, wrong

NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
STATUS = re.compile(r"[1-5]([0-9]{2}|xx)", re.ASCII)
BIGGEST = 2**63 - 1


def _status(value: str) -> str:
    if STATUS.fullmatch(value) is None:
        raise wrong("must be a status like 404, or one of [2xx, 3xx, 4xx, 5xx]")
    return value


Cursor = Annotated[int | None, whole(0, BIGGEST)]


class RunQuery(Shape):
    """What a list of runs may be asked."""

    after: Cursor = None
    before: Cursor = None
    count: Annotated[int | None, whole()] = None
    function_id: FunctionId | None = None
    status: Annotated[str, AfterValidator(_status)] | None = None
    cause: Text | None = None
    method: Text | None = None
    since: Annotated[Text | None, Field(alias="from")] = None
    to: Text | None = None
    trace_id: Text | None = None
    version: Annotated[int | None, whole(0, 2**31 - 1)] = None


class BoundaryEndpoint(Endpoint):
    """What is addressed below a boundary."""

    @property
    def boundary(self) -> Boundary:
        """Which boundary."""
        return Boundary(
            account_id=self.ids["accountId"],
            subscription_id=self.ids["subscriptionId"],
            boundary_id=self.ids["boundaryId"],
        )


class Runs(BoundaryEndpoint):
    """`B/run`"""

    actions = {"GET": "function:get-log"}
    takes_query = frozenset({"GET"})
    query_shape = RunQuery

    def get(self) -> HttpResponse:
        """List runs, the latest first, or those after one."""
        query: RunQuery = self.query
        filters = Filters(
            function_id=query.function_id,
            status=query.status,
            cause=query.cause,
            method=query.method,
            since=query.since,
            until=query.to,
            trace_id=query.trace_id,
            version=query.version,
        )
        pages = {"after": query.after, "before": query.before, "count": query.count}
        return answer(runs.list_runs(boundary=self.boundary, filters=filters, **pages))


class Run(BoundaryEndpoint):
    """`B/run/{runId}`"""

    actions = {"GET": "function:get-log"}

    def get(self) -> HttpResponse:
        """Return the run and what it printed."""
        if NUMBER.fullmatch(self.ids["runId"]) is None:
            raise NotFound
        return answer(runs.get_run(boundary=self.boundary, number=int(self.ids["runId"])))
