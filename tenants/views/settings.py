"""A function's settings: what is said about it, who may call it, when it runs by itself, how much it may use."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import selectors
from tenants.errors import InvalidInput, StaleVersion
from tenants.models import Function
from tenants.services import functions, origins, schedules
from tenants.settings_forms import AboutForm, RoutesForm, SettingsForm, routes_from, routes_of
from tenants.views import frame, scope


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show the settings of the latest version, or save them as the next one."""
    if request.method != "POST":
        return _overview(request, scope.function(request, slug, name))
    function = scope.function(request, slug, name, may_write=True)
    form, routes = SettingsForm(request.POST), RoutesForm(request.POST, prefix="route")
    if not form.is_valid() or not routes.is_valid():
        return _overview(request, function, 422, form=form, routes=routes)
    latest = function.latest
    change = form.change(latest, routes_from(routes, latest.routes))
    try:
        version = functions.save(
            function=function,
            change=change,
            base_version=form.cleaned_data["base_version"],
            author=scope.person(request),
        )
    except InvalidInput as error:
        form.add_error(None, error.message)
        return _overview(request, function, 422, form=form, routes=routes)
    except StaleVersion as error:
        form.add_error(None, f"{error.message} Look at v{error.current} first; what you typed is still here.")
        return _overview(request, function, 412, form=form, routes=routes)
    if form.cleaned_data["deploy"]:
        functions.deploy(function=function, version=version, author=scope.person(request))
    messages.success(request, f"Saved as v{version.number}.")
    return redirect("tenants:settings", slug, name)


@require_POST
def about(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Change description, tags, and whether bodies are kept; no new version."""
    function = scope.function(request, slug, name, may_write=True)
    form = AboutForm(request.POST)
    if not form.is_valid():
        return _overview(request, function, 422, about=form)
    functions.describe(function=function, author=scope.person(request), **form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("tenants:settings", slug, name)


@never_cache
@require_safe
def preview(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show when a schedule would run next; a part of the settings page."""
    scope.function(request, slug, name)
    cron, time_zone = request.GET.get("cron", "")[:100], request.GET.get("timezone", "")[:60]
    return render(request, "tenants/_next_runs.html", _upcoming(cron, time_zone))


def _upcoming(cron: str, time_zone: str) -> dict[str, Any]:
    if not cron.strip():
        return {"upcoming": []}
    try:
        moments = schedules.next_runs(cron, time_zone)
    except InvalidInput as error:
        return {"upcoming": [], "wrong": error.message}
    # A template would turn them into UTC.
    words = [(moment.isoformat(), f"{moment:%a %d %b, %H:%M:%S}") for moment in moments]
    return {"upcoming": words, "zone": time_zone or "UTC"}


def _overview(request: HttpRequest, function: Function, status: int = 200, **more: Any) -> HttpResponse:
    fresh = selectors.function_or_404(function.tenant, function.name)
    latest = fresh.latest
    initial = SettingsForm.initial_of(latest)
    shown: dict[str, Any] = {
        "latest": latest,
        "form": SettingsForm(initial=initial),
        "routes": RoutesForm(initial=routes_of(latest), prefix="route"),
        "about": AboutForm.of(fresh),
        "zones": schedules.zones(),
        "origins_name": origins.NAME,
        **_upcoming(initial["cron"], initial["timezone"]),
        **more,
    }
    return render(request, "tenants/settings.html", frame.of(request, fresh, "settings", **shown), status=status)
