"""What surrounds every page of one function: its name, where it stands, and the way to its other pages."""

from typing import Any

from django.http import HttpRequest

from tenants.models import Function
from tenants.views import scope, standing


def of(request: HttpRequest, function: Function, tab: str, **more: Any) -> dict[str, Any]:
    """Return what the head of a function's page shows; `tab` names the page that is open.

    A page that knows the number of the newest version already says so in `newest_number`.
    """
    deployment = function.deployment
    latest_number = more.get("newest_number") or function.latest.number
    return {
        "tenant": function.tenant,
        "function": function,
        "deployment": deployment,
        "tab": tab,
        "standing": standing.of(deployment, latest_number),
        "exposure": standing.exposure(deployment.live_version or deployment.version),
        "can_write": scope.can_write(scope.membership(request, function.tenant.slug)),
        **more,
    }
