"""The tenant's functions: see them, begin one, delete one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants import selectors
from tenants.errors import InvalidInput, NameTaken
from tenants.forms import DeleteForm, NewFunctionForm
from tenants.models import Membership
from tenants.services import functions, provisioning, starters
from tenants.views import scope, standing


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """List the functions, or create one."""
    if request.method == "POST":
        return _create(request, scope.membership(request, slug, may_write=True))
    return _overview(request, scope.membership(request, slug), NewFunctionForm())


def _create(request: HttpRequest, member: Membership) -> HttpResponse:
    form = NewFunctionForm(request.POST)
    if not form.is_valid():
        return _overview(request, member, form, 422)
    author = scope.person(request)
    name = form.cleaned_data["name"]
    says_hello = form.cleaned_data["template"] == "hello"
    starter = starters.hello(provisioning.display_name(author)) if says_hello else starters.blank()
    try:
        functions.create(tenant=member.tenant, name=name, starter=starter, author=author)
    except (InvalidInput, NameTaken) as error:
        form.add_error("name", error.message)
        return _overview(request, member, form, 422)
    return redirect("tenants:function", member.tenant.slug, name)


def _overview(request: HttpRequest, member: Membership, form: NewFunctionForm, status: int = 200) -> HttpResponse:
    rows = [
        (function, standing.of_function(function), standing.exposure_if_live(function.deployment))
        for function in selectors.functions_with_activity(member.tenant)
    ]
    shown = {"tenant": member.tenant, "rows": rows, "form": form, "can_write": scope.can_write(member)}
    return render(request, "tenants/functions.html", shown, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask for the name, then delete the function here and at Fusebit."""
    function = scope.function(request, slug, name, may_write=True)
    form = DeleteForm(request.POST if request.method == "POST" else None, expected=function.name)
    if form.is_valid():
        functions.delete(function=function, author=scope.person(request))
        messages.success(request, f"{function.name} is being deleted.")
        return redirect("tenants:functions", slug)
    shown = {"tenant": function.tenant, "function": function, "form": form}
    return render(request, "tenants/delete.html", shown, status=422 if form.is_bound else 200)
