"""The test panel filled in from a call that was made, or from a request that is kept."""

from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from tenants.forms import CallForm
from tenants.models import Function
from tenants.services import invocations, replays


def filled(function: Function, asked: QueryDict) -> CallForm:
    """Return the panel as `from` (a call) or `case` (a kept request) says; an empty one for anything else."""
    if "from" in asked:
        return of_run(function, str(asked["from"]))
    number = asked.get("case", "")
    case = function.cases.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 10 else None
    return CallForm(case.request) if case else CallForm()


def of_run(function: Function, run_id: str) -> CallForm:
    """Return the panel with the request of that call, as far as it is kept; an empty one for any other id."""
    try:
        run = function.runs.select_related("tenant").filter(pk=UUID(run_id)).first()
    except ValueError:
        run = None
    if run is None:
        return CallForm()
    return of_call(replays.call_of(run) or replays.guess_of(run))


def of_call(call: invocations.Call) -> CallForm:
    """Return the panel with that call."""
    return CallForm(
        {
            "method": call.method,
            "path": call.path,
            "query": urlencode(call.query),
            "headers": "\n".join(f"{name}: {value}" for name, value in call.headers),
            "body": call.body.decode("utf-8", "replace"),
            "identity": call.identity,
            "actions": call.actions,
        }
    )
