"""The person's own page: their ways to sign in, added and taken away after signing in once more."""

import time

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenants.errors import InvalidInput
from tenants.services import identities
from tenants.views import scope

CONFIRMED, LINKING = "confirmed_at", "linking"  # the session's keys; the sign-in pipeline knows them too


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether a provider vouched for the person a few minutes ago."""
    return time.time() - float(request.session.get(CONFIRMED) or 0) < identities.CONFIRMED_FOR.total_seconds()


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show the ways to sign in that the person has, and those that can be added."""
    own = identities.of_person(scope.person(request))
    titles = {button["name"]: button["title"] for button in settings.SIGN_IN_BUTTONS}
    shown = {
        "rows": [(row, titles.get(row.provider, row.provider)) for row in own],
        "is_only": len(own) < 2,
        "buttons": settings.SIGN_IN_BUTTONS,
        "confirm_with": [button for button in settings.SIGN_IN_BUTTONS if button["name"] in {r.provider for r in own}],
        "is_confirmed": is_confirmed(request),
    }
    return render(request, "tenants/account.html", shown)


@require_POST
def link(request: HttpRequest, provider: str) -> HttpResponse:
    """Remember that the next identity of this provider is to be added, and go there."""
    if provider not in {button["name"] for button in settings.SIGN_IN_BUTTONS} or not scope.person(request):
        raise Http404
    if not is_confirmed(request):
        messages.error(request, "Confirm that it is you first.")
        return redirect("tenants:account")
    request.session[LINKING] = {"provider": provider, "until": time.time() + identities.CONFIRMED_FOR.total_seconds()}
    return render(request, "tenants/account_leave.html", {"provider": provider})


@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Take a way to sign in away."""
    if not is_confirmed(request):
        messages.error(request, "Confirm that it is you first.")
        return redirect("tenants:account")
    try:
        gone = identities.unlink(user=scope.person(request), pk=pk)
    except InvalidInput as error:
        messages.error(request, error.message)
        return redirect("tenants:account")
    if gone is None:
        raise Http404
    messages.success(request, "It was removed, and is being removed at the functions service too.")
    return redirect("tenants:account")
