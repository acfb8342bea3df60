"""Calls a function, and lists the calls that were made."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.repetition import REPEATABLE, once
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers.runs import Invocation, InvocationAnswer, RunRow
from tenants.models import Scope
from tenants.services import invocations


def call_of(wanted: dict[str, Any]) -> invocations.Call:
    """Return the call that the validated body of an invocation describes."""
    body = wanted["body"]
    raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    return invocations.Call(
        method=wanted["method"],
        path=wanted["path"],
        query=tuple(wanted["query"].items()),
        headers=tuple(wanted["headers"].items()),
        body=raw,
    )


def readable(outcome: invocations.Outcome) -> Any:
    """Return the body of an answer: parsed when it is JSON, else as text."""
    text = outcome.body.decode("utf-8", "replace")
    kind = next((value for name, value in outcome.headers if name.lower() == "content-type"), "")
    if "json" not in kind or not text:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def told(outcome: invocations.Outcome) -> dict[str, Any]:
    """Return what the function answered, and the row of the run."""
    return {
        "status": outcome.run.status,
        "headers": dict(outcome.headers),
        "body": readable(outcome),
        "duration_ms": outcome.run.duration_ms,
        "run": RunRow(outcome.run).data,
    }


class Invoke(TenantView):
    """`…/{name}/invoke/`."""

    serializer_class = Invocation
    needs = Scope.RUN
    runs_functions = True

    @extend_schema(parameters=[REPEATABLE], request=Invocation, responses=InvocationAnswer)
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Call the live version; 200 whatever the function itself answered."""
        wanted = Invocation(data=request.data)
        wanted.is_valid(raise_exception=True)
        function = self.function()

        def answer() -> Response:
            call = call_of(wanted.validated_data)
            return Response(told(invocations.run(function=function, actor=self.person, call=call)))

        return once(request, self.person, function.tenant, answer)


class RunList(TenantView):
    """`…/{name}/runs/`."""

    serializer_class = RunRow

    @extend_schema(operation_id="runs_list", responses=listed(RunRow))
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """List the newest hundred calls."""
        rows = selectors.recent_runs(self.function(), limit=100)
        return Response({"items": RunRow(rows, many=True).data})
