"""Configuration and secrets of a function: set one, replace one, remove one, apply what waits."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants import selectors
from tenants.access_forms import SettingForm, SettingNameForm
from tenants.errors import InvalidInput
from tenants.models import Function
from tenants.services import configuration, secrets
from tenants.views import frame, scope


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """List names and plain values, or set one; a secret is never shown again."""
    if request.method != "POST":
        return _overview(request, scope.function(request, slug, name))
    function = scope.function(request, slug, name, may_write=True)
    form = SettingForm(request.POST)
    if not form.is_valid():
        return _overview(request, function, 422, form=form)
    chosen = form.cleaned_data
    try:
        _patch(request, function, chosen["kind"], chosen["name"], chosen["value"])
    except InvalidInput as error:
        form.add_error("value" if "short" in error.message or "long" in error.message else "name", error.message)
        return _overview(request, function, 422, form=form)
    messages.success(request, f"{chosen['name']} is saved. It applies with the next deployment.")
    return redirect("tenants:secrets", slug, name)


@require_POST
def remove(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Take a value or a secret out of the next version."""
    function = scope.function(request, slug, name, may_write=True)
    form = SettingNameForm(request.POST)
    try:
        if form.is_valid():
            _patch(request, function, form.cleaned_data["kind"], form.cleaned_data["name"], None)
            messages.success(request, f"{form.cleaned_data['name']} is removed with the next deployment.")
    except InvalidInput as error:
        messages.error(request, error.message)
    return redirect("tenants:secrets", slug, name)


def _patch(request: HttpRequest, function: Function, kind: str, name: str, value: str | None) -> None:
    change: dict[str, Any] = {kind: {name: value}}  # `plain` or `secret`, as the form allows
    configuration.patch(function=function, author=scope.person(request), **change)


def _overview(request: HttpRequest, function: Function, status: int = 200, **more: Any) -> HttpResponse:
    fresh = selectors.function_or_404(function.tenant, function.name)
    latest = fresh.latest
    shown = {
        "latest": latest,
        "plain": sorted(latest.configuration.items()),
        "secrets": list(secrets.described(latest).items()),
        "pending": configuration.pending(fresh),
        "form": SettingForm(),
        **more,
    }
    return render(request, "tenants/secrets.html", frame.of(request, fresh, "secrets", **shown), status=status)
