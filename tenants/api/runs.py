"""Calls a function, and lists the calls that were made."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.repetition import REPEATABLE, once
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers.runs import (
    Invocation,
    InvocationAnswer,
    ReplayAnswer,
    RunDetail,
    RunFilter,
    RunRow,
    WantedReplay,
)
from tenants.models import Run, Scope
from tenants.services import bodies, catalogue, invocations, mirroring, replays, run_logs

PAGE = 100


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


FILTERS = [
    OpenApiParameter(name, kind, description=words)
    for name, kind, words in (
        ("status", str, "`2xx` to `5xx`, or `failed`: failed and refused ones."),
        ("cause", str, "From the catalogue of causes."),
        ("method", str, "The HTTP method."),
        ("version", int, "The version that answered."),
        ("since", datetime, "Not before."),
        ("until", datetime, "Not after."),
        ("q", str, "In the path or the message; the beginning of a trace; a reference."),
        ("before", str, "The `next` of the page before."),
    )
]


class RunList(TenantView):
    """`…/{name}/runs/`."""

    serializer_class = RunRow
    query = frozenset(parameter.name for parameter in FILTERS)

    @extend_schema(operation_id="runs_list", parameters=FILTERS, responses=listed(RunRow))
    def get(self, request: Request, slug: str, name: str) -> Response:
        """List a hundred calls, the newest first, refused ones and those that bypass this site too."""
        function = self.function()
        mirroring.catch_up(tenant=function.tenant)
        wanted = RunFilter(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        rows = selectors.runs_of(function.tenant, wanted.validated_data).filter(function=function)
        found = list(selectors.runs_before(rows, wanted.validated_data.get("before", ""))[:PAGE])
        answer = {"items": RunRow(found, many=True).data}
        return Response(answer | ({"next": selectors.position_of(found[-1])} if len(found) == PAGE else {}))


class RunView(TenantView):
    """A view of one call."""

    def run(self, pk: UUID) -> Run:
        """Return the call in the URL; another function's does not exist here."""
        run = selectors.run_or_404(self.function().tenant, pk)
        if run.function is None or run.function.name != self.kwargs["name"]:
            raise NotFound("There is no such call.")
        return run


class RunItem(RunView):
    """`…/{name}/runs/{id}/`."""

    serializer_class = RunDetail

    @extend_schema(responses=RunDetail)
    def get(self, _request: Request, slug: str, name: str, pk: UUID) -> Response:
        """Return everything that is known of one call: why it went as it did, what it printed, what is kept of it."""
        run = self.run(pk)
        lines, kept = run_logs.of(run), bodies.of(run)
        cause = catalogue.explain(run.cause)
        more = {
            "explanation": f"{cause.title} {cause.fix}" if cause else "",
            "logs": [{"at": line.at, "text": line.text, "is_error": line.is_error} for line in lines.lines],
            "logs_missing": lines.problem,
            "request": kept.request if kept else None,
        }
        return Response({**RunRow(run).data, **more})


class Replay(RunView):
    """`…/{name}/runs/{id}/replay/`."""

    serializer_class = WantedReplay
    runs_functions = True

    @extend_schema(parameters=[REPEATABLE], request=WantedReplay, responses=ReplayAnswer)
    def post(self, request: Request, slug: str, name: str, pk: UUID) -> Response:
        """Send a call again, as it is kept or as `request` says, to the live version or to another one."""
        function, run = self.function(may_write=True), self.run(pk)
        wanted = WantedReplay(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = call_of(wanted.validated_data["request"]) if "request" in wanted.validated_data else None
        live = function.deployment.live_version
        number = wanted.validated_data.get("version", live.number if live else function.latest.number)
        version = get_object_or_404(function.versions, number=number)

        def answer() -> Response:
            done = replays.replay(runs=[run], function=function, version=version, actor=self.person, given=given)[0]
            return Response({"run": RunRow(done.run).data if done.run else None, "problem": done.problem})

        return once(request, self.person, function.tenant, answer)
