"""The test panel filled in from a call that was made."""

from urllib.parse import urlencode
from uuid import UUID

from tenants.forms import CallForm
from tenants.models import Function
from tenants.services import replays


def of_run(function: Function, run_id: str) -> CallForm:
    """Return the panel with the request of that call, as far as it is kept; an empty one for any other id."""
    try:
        run = function.runs.select_related("tenant").filter(pk=UUID(run_id)).first()
    except ValueError:
        run = None
    if run is None:
        return CallForm()
    call = replays.call_of(run)
    if call is None:
        return CallForm({"method": run.method, "path": run.path, "identity": "me"})
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
