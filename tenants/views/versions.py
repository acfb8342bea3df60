"""The versions of a function: look at one, make one live."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from tenants.forms import DeployForm
from tenants.services import functions
from tenants.views import differences, editor, scope, standing


@require_safe
def version(request: HttpRequest, slug: str, name: str, number: int) -> HttpResponse:
    """Show the files of one version, and what it changed."""
    function = scope.function(request, slug, name)
    found = get_object_or_404(function.versions.select_related("author"), number=number)
    before = function.versions.filter(number__lt=number).first()
    shown = {
        "version": found,
        "files": editor.in_order(found.files),
        "differences": differences.between(before.files, found.files) if before else [],
        "exposure": standing.exposure(found),
    }
    return render(request, "tenants/version.html", editor.context(request, function, **shown))


@require_POST
def deploy(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Make a version live; a version that does not exist is a 404."""
    function = scope.function(request, slug, name, may_write=True)
    form = DeployForm(request.POST)
    if not form.is_valid():
        raise Http404
    chosen = get_object_or_404(function.versions, number=form.cleaned_data["version"])
    functions.deploy(function=function, version=chosen, author=scope.person(request))
    return editor.done(request, function, f"Asked for v{chosen.number} to go live.")
