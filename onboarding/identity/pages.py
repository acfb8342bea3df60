"""The provider's few pages besides the sign-in form; none of them shows what an error said."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

ERROR = "onboarding/identity_error.html"


def about(request: HttpRequest) -> HttpResponse:
    """Say what this is to whoever opens the address."""
    return _say(request, 200, "This is the local sign-in", "It comes with the quickstart; the site leads people here.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be understood."""
    return _say(request, 400, "That request could not be understood")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that is not allowed."""
    return _say(request, 403, "That is not allowed here")


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that does not come from a page of ours, or from one that is too old."""
    return _say(request, 403, "This page was open for too long", "Go back to the site and begin to sign in again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for what does not exist."""
    return _say(request, 404, "There is no such page")


def broken(request: HttpRequest) -> HttpResponse:
    """Answer when something broke."""
    return _say(request, 500, "The local sign-in broke", "Its log says why.")


def _say(request: HttpRequest, status: int, title: str, text: str = "") -> HttpResponse:
    context = {"title": title, "text": text or "Go back to the site and begin to sign in again."}
    return render(request, ERROR, context, status=status)
