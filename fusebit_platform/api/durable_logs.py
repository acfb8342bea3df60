"""Queries over the lines of log that are kept (contract 7.2)."""

from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import Field

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.errors import BadRequest
from fusebit_platform.services import log_queries
from fusebit_platform.services.log_queries import Level
from fusebit_platform.validation import Shape, Text, validate, whole


class QueryShape(Shape):
    """What may be asked, in the body or in the query."""

    filter: Text = ""
    stats: Text = ""
    since: Annotated[Text, Field(alias="from")] = ""
    to: Text = ""
    limit: Annotated[int, whole(1, log_queries.MAX_LIMIT)] = log_queries.DEFAULT_LIMIT


class LogQueryEndpoint(Endpoint):
    """What is asked of an account, a subscription, a boundary or a function."""

    @property
    def level(self) -> Level:
        """Whose lines are asked for."""
        return Level(
            account_id=self.ids["accountId"],
            subscription_id=self.ids.get("subscriptionId"),
            boundary_id=self.ids.get("boundaryId"),
            function_id=self.ids.get("functionId"),
        )


class LogQueries(LogQueryEndpoint):
    """`{A,S,B,F}/logs`"""

    actions = {"POST": "log:get"}
    forms = {"POST": (QueryShape,)}

    def check_query(self, method: str) -> None:
        """Take what the query says together with what the body says."""
        asked = {**self.raw_query(), **(self.payload if isinstance(self.payload, dict) else {})}
        self.body = validate(QueryShape, asked)

    def post(self) -> HttpResponse:
        """Return an id under which the answer can be fetched."""
        wanted: Any = self.body
        if wanted.stats:
            raise BadRequest("Statistics of logs are not supported.")
        query_id = log_queries.begin(text=wanted.filter, since=wanted.since, until=wanted.to, limit=wanted.limit)
        return answer({"queryId": query_id})


class LogQuery(LogQueryEndpoint):
    """`{A,S,B,F}/logs/{queryId}`"""

    actions = {"GET": "log:get"}

    def get(self) -> HttpResponse:
        """Return the lines, which are there at once."""
        return answer(log_queries.result(level=self.level, query_id=self.ids["queryId"]))
