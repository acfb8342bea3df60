"""The editor of one function: its files, where it stands, and saving over exactly the version that was read."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from tenants import selectors
from tenants.errors import InvalidInput, StaleVersion
from tenants.forms import CallForm, SaveForm
from tenants.models import Function, FunctionVersion
from tenants.services import functions, merging
from tenants.views import differences, home, panel_forms, scope, standing

VERSIONS_SHOWN = 50
RECENT = 5


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def editor(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show the editor, or save what it posts."""
    if request.method == "POST":
        return _save(request, scope.function(request, slug, name, may_write=True))
    function = scope.function(request, slug, name)
    request.session[home.LAST] = function.name
    shown = context(request, function, form=panel_forms.filled(function, request.GET))
    return render(request, "tenants/function.html", shown)


@never_cache
@require_GET
def state(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show where the function stands, for a page that is already open."""
    return render(request, "tenants/_standing.html", context(request, scope.function(request, slug, name)))


@never_cache
@require_GET
def build_log(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show what has happened since the save that is under way."""
    function = scope.function(request, slug, name)
    return render(request, "tenants/_build_log.html", {"deployment": function.deployment})


def context(request: HttpRequest, function: Function, **more: Any) -> dict[str, Any]:
    """Return everything that the editor and its parts show."""
    member = scope.membership(request, function.tenant.slug)
    latest = function.latest
    deployment = function.deployment
    runs = list(selectors.recent_runs(function))
    return {
        "tenant": function.tenant,
        "function": function,
        "deployment": deployment,
        "latest": latest,
        "files": in_order(latest.files),
        "base_version": latest.number,
        "standing": standing.of(deployment, latest.number),
        "exposure": standing.exposure(deployment.live_version or latest),
        "versions": function.versions.select_related("author").defer("files")[:VERSIONS_SHOWN],
        "runs": runs,
        "cases": function.cases.only("name", "function_id"),
        "recent": [run for run in runs if getattr(run, "is_kept", False)][:RECENT],
        "can_write": scope.can_write(member),
        "tab": "code",
        "wrong_line": differences.line_naming(deployment.version.files, deployment.last_error),
        "form": CallForm(),
        **more,
    }


def in_order(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the files as pairs, index.js first."""
    return sorted(files.items(), key=lambda pair: (pair[0] != "index.js", pair[0]))


def _save(request: HttpRequest, function: Function) -> HttpResponse:
    form = SaveForm(request.POST)
    if not form.is_valid():
        return _refused(request, function, form, str(next(iter(form.errors.values()))[0]))
    author = scope.person(request)
    try:
        version = _version(function, form, author)
    except InvalidInput as error:
        return _refused(request, function, form, error.message)
    except StaleVersion as error:
        return _stale(request, function, form, error)
    if not form.cleaned_data["keep_live"]:
        functions.deploy(function=function, version=version, author=author)
    return done(request, function, f"Saved v{version.number}.")


def _version(function: Function, form: SaveForm, author: User) -> FunctionVersion:
    """Return the version with these files: the latest when nothing changed, which there is no need to save again."""
    latest = function.latest
    if latest.files == form.cleaned_data["sources"]:
        return latest
    began = function.versions.filter(number=form.base).first()
    only_settings_changed = began is not None and began.files == latest.files  # which this save keeps
    base = latest.number if only_settings_changed else form.base
    return functions.save(function=function, change=form.change(), base_version=base, author=author)


def done(request: HttpRequest, function: Function, said: str) -> HttpResponse:
    """Answer a change that succeeded: to htmx what changed on the page, else a redirect to the editor."""
    if request.htmx:  # type: ignore[attr-defined]  # by its middleware
        fresh = selectors.function_or_404(function.tenant, function.name)
        return render(request, "tenants/_saved.html", context(request, fresh, said=said))
    messages.success(request, said)
    return redirect("tenants:function", function.tenant.slug, function.name)


def _refused(request: HttpRequest, function: Function, form: SaveForm, reason: str) -> HttpResponse:
    return _unsaved(request, function, form, 422, "tenants/_refused.html", reason=reason)


def _stale(request: HttpRequest, function: Function, form: SaveForm, error: StaleVersion) -> HttpResponse:
    theirs, mine = function.latest, form.cleaned_data["sources"]
    base = function.versions.filter(number=form.cleaned_data["base_version"]).first()
    conflict = {
        "message": error.message,
        "theirs": theirs,
        "differences": differences.between(theirs.files, mine),
        "merged": merging.merge(base=base.files if base else {}, mine=mine, theirs=theirs.files),
    }
    return _unsaved(request, function, form, 412, "tenants/_conflict.html", conflict=conflict)


def _unsaved(
    request: HttpRequest, function: Function, form: SaveForm, status: int, partial: str, **more: Any
) -> HttpResponse:
    """Answer without losing what was typed: htmx leaves the page as it is, a form gets its files back."""
    mine = form.cleaned_data.get("sources") or dict(form["sources"].value() or [])
    shown = context(request, function, **more)
    if request.htmx:  # type: ignore[attr-defined]  # by its middleware
        return render(request, partial, shown, status=status)
    typed = {"files": in_order(mine), "base_version": form["base_version"].value(), "message": form["message"].value()}
    return render(request, "tenants/function.html", shown | typed, status=status)
