"""The versions of a function: look at them, compare any two, make one live, and see what really answers."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from tenants.errors import TenantError
from tenants.forms import CompareForm, DeployForm
from tenants.models import Function, FunctionVersion
from tenants.services import comparisons, functions, live
from tenants.services.comparisons import Content
from tenants.views import differences, editor, frame, scope, standing

PAGE = 50


@require_safe
def versions(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """List the versions, newest first, to look at or to compare."""
    function = scope.function(request, slug, name)
    before = request.GET.get("before", "")
    rows = function.versions.select_related("author").defer("files", "configuration")
    if before.isdecimal() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    found = list(rows[: PAGE + 1])
    shown = {"versions": found[:PAGE], "older": found[PAGE - 1].number if len(found) > PAGE else None}
    return render(request, "tenants/versions.html", frame.of(request, function, "versions", **shown))


@require_safe
def version(request: HttpRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Show the files of one version, and what it changed."""
    function = scope.function(request, slug, name)
    found = get_object_or_404(function.versions.select_related("author"), number=number)
    before = function.versions.filter(number__lt=number).first()
    shown = {
        "version": found,
        "before": before,
        "files": editor.in_order(found.files),
        "differences": differences.between(before.files, found.files) if before else [],
        "settings": _settings(before, found) if before else [],
        "version_exposure": standing.exposure(found),
    }
    return render(request, "tenants/version.html", frame.of(request, function, "versions", **shown))


@require_safe
def compare(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show what differs between two versions, or between one and what really answers."""
    function = scope.function(request, slug, name)
    latest = function.latest.number
    form = CompareForm(request.GET or {"old": max(latest - 1, 1), "new": latest})
    if not form.is_valid():
        raise Http404
    old = _version(function, form.cleaned_data["old"])
    if form.cleaned_data["live"]:
        shown = _live_sheet(function, old, scope.person(request))
    else:
        new = _version(function, form.cleaned_data["new"])
        shown = {"old": old, "new": new, **_sheet(comparisons.of_version(old), comparisons.of_version(new))}
    return render(request, "tenants/compare.html", frame.of(request, function, "versions", **shown))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def deploy(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show what would change by making a version live, backwards as well as forwards, and do it."""
    posted = request.method == "POST"
    function = scope.function(request, slug, name, may_write=True)
    form = DeployForm(request.POST if posted else request.GET)
    if not form.is_valid():
        raise Http404
    chosen = _version(function, form.cleaned_data["version"])
    if posted:
        functions.deploy(function=function, version=chosen, author=scope.person(request))
        return editor.done(request, function, f"Asked for v{chosen.number} to go live.")
    now = function.deployment.live_version
    shown = {
        "new": chosen,
        "old": now,
        "is_rollback": now is not None and chosen.number < now.number,
        **_sheet(comparisons.of_version(now), comparisons.of_version(chosen)),
    }
    return render(request, "tenants/deploy.html", frame.of(request, function, "versions", **shown))


@never_cache
@require_GET
def answering(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask Fusebit whether what is recorded as live really is; a part of the editor's page."""
    function = scope.function(request, slug, name)
    observation = live.observe(function=function, person=scope.person(request))
    shown = frame.of(request, function, "versions", observation=observation)
    return render(request, "tenants/_answering.html", shown)


@require_POST
def adopt(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Keep what really answers as the next version."""
    function = scope.function(request, slug, name, may_write=True)
    try:
        kept = live.adopt(function=function, author=scope.person(request))
    except TenantError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Kept as v{kept.number}.")
    return redirect("tenants:versions", slug, name)


def _version(function: Function, number: int) -> FunctionVersion:
    return get_object_or_404(function.versions.select_related("author"), number=number)


def _live_sheet(function: Function, old: FunctionVersion, person: User) -> dict[str, Any]:
    observation = live.observe(function=function, person=person)
    shown: dict[str, Any] = {"old": old, "observation": observation}
    return shown | _sheet(live.expected(old), observation.snapshot) if observation.snapshot else shown


def _sheet(old: Content, new: Content) -> dict[str, Any]:
    return {
        "differences": differences.between(old.files, new.files),
        "settings": comparisons.settings_between(old, new),
    }


def _settings(old: FunctionVersion, new: FunctionVersion) -> list[comparisons.SettingChange]:
    return comparisons.settings_between(comparisons.of_version(old), comparisons.of_version(new))
