"""Statistics, which need an analytics back end that an embedded server does not have (contract 7.4)."""

from typing import Annotated, Literal

from django.http import HttpResponse
from pydantic import Field

from fusebit_platform.api.base import Endpoint
from fusebit_platform.errors import MethodNotAllowed
from fusebit_platform.validation import Shape, Text, whole


class StatisticsQuery(Shape):
    """What statistics may be asked."""

    since: Annotated[Text, Field(alias="from")] = ""
    to: Text = ""
    width: Literal["1s", "1m", "1h", "1d", "1w", "1M", "1q", "1y"] | None = None
    code: Text = ""
    field: Text = ""
    code_grouped: Text = ""
    next: Text = ""
    count: Annotated[int, whole(0, 100)] = 0


class Statistics(Endpoint):
    """`{A,S,B,F}/statistics/{key}`"""

    actions = {"GET": "function:get"}
    takes_query = frozenset({"GET"})
    query_shape = StatisticsQuery
    query_first = True

    def get(self) -> HttpResponse:
        """Say that there are none."""
        raise MethodNotAllowed(f"Unsupported query: {self.ids['key']}")
