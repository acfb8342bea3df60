"""The test panel: calls of the live version, and requests that are kept for it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenants.errors import InvalidInput, TenantError
from tenants.forms import CallForm, CaseForm
from tenants.models import Function
from tenants.services import cases, catalogue, invocations
from tenants.views import answers, editor, panel_forms, scope


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


@never_cache
@require_GET
def fill(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show the panel filled in from a kept request or from a call; without htmx the editor shows it."""
    function = scope.function(request, slug, name)
    if not request.htmx:  # type: ignore[attr-defined]  # by its middleware
        return redirect(f"{reverse('tenants:function', args=[slug, name])}?{request.GET.urlencode()}#test")
    form = panel_forms.filled(function, request.GET)
    return render(request, "tenants/_test.html", editor.context(request, function, form=form))


@require_POST
def keep(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Keep what is in the panel under a name."""
    function = scope.function(request, slug, name, may_write=True)
    named, form = CaseForm(request.POST), CallForm(request.POST)
    problem = ""
    if not named.is_valid():
        problem = str(named.errors["case"][0])
    elif not form.is_valid():
        problem = "The request itself needs another look first."
    else:
        try:
            cases.keep(
                function=function,
                name=named.cleaned_data["case"],
                request=form.as_case(),
                author=scope.person(request),
            )
        except InvalidInput as error:
            problem = error.message
    return _cases(request, function, problem)


@require_POST
def forget(request: HttpRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Delete a kept request."""
    function = scope.function(request, slug, name, may_write=True)
    cases.forget(function=function, pk=number)
    return _cases(request, function, "")


def _cases(request: HttpRequest, function: Function, problem: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]  # by its middleware
        if problem:
            messages.error(request, problem)
        return redirect(f"{reverse('tenants:function', args=[function.tenant.slug, function.name])}#test")
    shown = editor.context(request, function, case_problem=problem)
    return render(request, "tenants/_cases.html", shown, status=422 if problem else 200)


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
