"""A person's API tokens: see them, make one, which is shown once, and take one away."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access_forms import ApiTokenForm
from tenants.errors import InvalidInput
from tenants.models import Membership
from tenants.services import tokens
from tenants.views import scope


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """List the person's tokens for the workspace, or make one."""
    own = scope.membership(request, slug)
    if request.method != "POST":
        return _overview(request, own)
    form = ApiTokenForm(request.POST)
    if not form.is_valid():
        return _overview(request, own, 422, form=form)
    chosen = form.cleaned_data
    try:
        row, token = tokens.create(
            user=scope.person(request),
            tenant=own.tenant,
            name=chosen["name"],
            scope=chosen["scope"],
            expires_at=form.expires_at(),
        )
    except InvalidInput as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _overview(request, own, 422, form=form)
    return _overview(request, own, made=row, token=token)


@require_POST
def revoke(request: HttpRequest, slug: str, pk: str) -> HttpResponseRedirect:
    """Make a token useless at once."""
    own = scope.membership(request, slug)
    row = get_object_or_404(tokens.of_person(scope.person(request), own.tenant), pk=pk)
    tokens.revoke(row=row, actor=scope.person(request))
    messages.success(request, f"{row.name} was revoked and is refused from now on.")
    return redirect("tenants:tokens", slug)


def _overview(request: HttpRequest, own: Membership, status: int = 200, **more: Any) -> HttpResponse:
    shown = {
        "tenant": own.tenant,
        "own": own,
        "rows": tokens.of_person(scope.person(request), own.tenant),
        "form": ApiTokenForm(),
        "site": f"{request.scheme}://{request.get_host()}",
        "tab": "tokens",
        **more,
    }
    return render(request, "tenants/tokens.html", shown, status=status)
