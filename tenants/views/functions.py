"""The tenant's functions: see them, begin one, delete one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tenants import selectors
from tenants.errors import InvalidInput, NameTaken, QuotaReached
from tenants.forms import DeleteForm, ImportForm, NewFunctionForm
from tenants.models import Function, Membership
from tenants.services import functions, imports, provisioning, starters
from tenants.views import scope, sparklines, standing


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """List the functions, or create one."""
    if request.method == "POST":
        return _create(request, scope.membership(request, slug, may_write=True))
    return _overview(request, scope.membership(request, slug), NewFunctionForm())


@require_http_methods(["GET", "HEAD", "POST"])
def bring(request: HttpRequest, slug: str) -> HttpResponse:
    """Create a function from what Fusebit's API answered, or from files."""
    member = scope.membership(request, slug, may_write=True)
    if request.method != "POST":
        return _bring(request, member, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _bring(request, member, form, 422)
    try:
        name, starter = _brought(request, form)
        functions.create(tenant=member.tenant, name=name, starter=starter, author=scope.person(request))
    except (InvalidInput, NameTaken, QuotaReached) as error:
        at = getattr(error, "field", "") if isinstance(error, InvalidInput) else "name"
        form.add_error(
            at if at in form.fields else "specification" if form["specification"].value() else "sources", error.message
        )
        return _bring(request, member, form, 422)
    return redirect("tenants:function", slug, name)


def _brought(request: HttpRequest, form: ImportForm) -> tuple[str, starters.Starter]:
    if form.cleaned_data["specification"].strip():
        name, starter = imports.of_specification(form.cleaned_data["specification"])
        return form.cleaned_data["name"] or name, starter
    typed = [(path, text.encode("utf-8", "surrogatepass")) for path, text in form.cleaned_data["sources"].items()]
    sent = [(str(file.name), file.read(functions.MAX_BYTES + 1)) for file in request.FILES.getlist("files")]
    return form.cleaned_data["name"], imports.of_folder([*typed, *sent])


def _bring(request: HttpRequest, member: Membership, form: ImportForm, status: int = 200) -> HttpResponse:
    shown = {"tenant": member.tenant, "form": form, "section": "functions", "limit": functions.MAX_BYTES}
    return render(request, "tenants/import.html", shown, status=status)


def _create(request: HttpRequest, member: Membership) -> HttpResponse:
    form = NewFunctionForm(request.POST)
    if not form.is_valid():
        return _overview(request, member, form, 422)
    author = scope.person(request)
    name = form.cleaned_data["name"]
    starter = starters.choices(provisioning.display_name(author))[form.cleaned_data["template"]]
    try:
        functions.create(tenant=member.tenant, name=name, starter=starter, author=author)
    except (InvalidInput, NameTaken, QuotaReached) as error:
        form.add_error("name", error.message)
        return _overview(request, member, form, 422)
    return redirect("tenants:function", member.tenant.slug, name)


def _overview(request: HttpRequest, member: Membership, form: NewFunctionForm, status: int = 200) -> HttpResponse:
    every = list(selectors.functions_with_activity(member.tenant))
    text, tag = request.GET.get("q", "").strip()[:100], request.GET.get("tag", "")[:40]
    found = [one for one in every if _fits(one, text.lower(), tag)]
    activity = sparklines.of_functions(member.tenant)
    rows = [
        {
            "function": function,
            "standing": standing.of_function(function),
            "exposure": standing.exposure_if_live(function.deployment),
            "activity": activity.get(function.name),
        }
        for function in found
    ]
    shown = {
        "tenant": member.tenant,
        "section": "functions",
        "rows": rows,
        "total": len(every),
        "tags": sorted({str(one) for function in every for one in function.tags}),
        "q": text,
        "tag": tag,
        "form": form,
        "starters": starters.choices(""),
        "can_write": scope.can_write(member),
    }
    return render(request, "tenants/functions.html", shown, status=status)


def _fits(function: Function, text: str, tag: str) -> bool:
    words = f"{function.name} {function.description} {' '.join(map(str, function.tags))}".lower()
    return text in words and (not tag or tag in function.tags)


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
