"""Tokens that call one function: see them, make one, which is shown once, and take one away."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenants.access_forms import CallTokenForm
from tenants.errors import FusebitUnavailable, InvalidInput
from tenants.models import CallToken, Function, State
from tenants.services import call_tokens
from tenants.views import frame, scope

MOVING = frozenset({State.PENDING, State.RETRY, State.DELETING})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """List the tokens that can call the function, or make one."""
    if request.method != "POST":
        return _overview(request, scope.function(request, slug, name))
    function = scope.function(request, slug, name, may_write=True)
    form = CallTokenForm(request.POST)
    if not form.is_valid():
        return _overview(request, function, 422, form=form)
    try:
        row, token = call_tokens.mint(
            function=function,
            name=form.cleaned_data["name"],
            expires_at=form.expires_at(),
            actor=scope.person(request),
        )
    except (InvalidInput, FusebitUnavailable) as error:
        form.add_error("name" if isinstance(error, InvalidInput) else None, error.message)
        return _overview(request, function, 422, form=form)
    return _overview(request, function, made=row, token=token)


@never_cache
@require_GET
def rows(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show how far the users of the tokens are, for the page to ask while one of them moves."""
    return render(request, "tenants/_call_tokens.html", _shown(request, scope.function(request, slug, name)))


@require_POST
def revoke(request: HttpRequest, slug: str, name: str, pk: str) -> HttpResponseRedirect:
    """Have the token's user deleted at Fusebit."""
    function = scope.function(request, slug, name, may_write=True)
    row = get_object_or_404(function.call_tokens, pk=pk)
    call_tokens.revoke(token=row, actor=scope.person(request))
    messages.success(request, f"{row.name} is being revoked: its user is deleted at Fusebit.")
    return redirect("tenants:call-tokens", slug, name)


def _shown(request: HttpRequest, function: Function, **more: Any) -> dict[str, Any]:
    found = list(call_tokens.alive(function))
    is_moving = any(row.fusebit_user.state in MOVING for row in found)
    return frame.of(
        request, function, "call-tokens", rows=[(row, *_state(row)) for row in found], is_moving=is_moving, **more
    )


def _overview(request: HttpRequest, function: Function, status: int = 200, **more: Any) -> HttpResponse:
    shown = _shown(request, function, **{"form": CallTokenForm(), **more})
    return render(request, "tenants/call_tokens.html", shown, status=status)


def _state(row: CallToken) -> tuple[str, str]:
    """Return the kind and the words of the pill."""
    user = row.fusebit_user
    if user.absent:
        return "removing", "being revoked"
    if user.is_ready:
        return "live", "works"
    if user.state == State.BLOCKED:
        return "failed", "needs an operator"
    return "deploying", "in a moment"
