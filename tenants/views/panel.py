"""The test panel: one call of the live version."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants.errors import TenantError
from tenants.forms import CallForm
from tenants.models import Function
from tenants.services import catalogue, invocations
from tenants.views import answers, editor, scope


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Call the function as the person and show what came back; a GET, as after a reload, goes to the editor."""
    function = scope.function(request, slug, name)
    if request.method != "POST":
        return redirect("tenants:function", slug, name)
    form = CallForm(request.POST)
    result = _call(request, function, form) if form.is_valid() else {}
    htmx = bool(request.htmx)  # type: ignore[attr-defined]  # by its middleware
    shown = editor.context(request, function, form=form, **result)
    return render(request, "tenants/_ran.html" if htmx else "tenants/function.html", shown)


def _call(request: HttpRequest, function: Function, form: CallForm) -> dict[str, Any]:
    try:
        outcome = invocations.run(function=function, actor=scope.person(request), call=form.call(), from_panel=True)
    except TenantError as error:
        return {"problem": error}
    return {
        "run": outcome.run,
        "answer": answers.readable(outcome),
        "explanation": catalogue.explain(outcome.run.cause),
    }
