"""Requests that people keep with a function, by name."""

from typing import Any

from django.contrib.auth.models import User

from tenants.errors import InvalidInput
from tenants.models import Case, Function

MOST = 50


def keep(*, function: Function, name: str, request: dict[str, Any], author: User) -> Case:
    """Keep the request under the name, over one that is kept so already; raise InvalidInput when there are too many."""
    is_new = not function.cases.filter(name=name).exists()
    if is_new and function.cases.count() >= MOST:
        raise InvalidInput(f"A function keeps at most {MOST} requests: delete one first.", field="case")
    case, _ = Case.objects.update_or_create(
        function=function, name=name, defaults={"request": request, "author": author}
    )
    return case


def forget(*, function: Function, pk: int) -> None:
    """Delete the request."""
    function.cases.filter(pk=pk).delete()
