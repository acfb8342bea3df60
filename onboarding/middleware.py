"""What happens to every request: an id to quote, one canonical host, nothing private in caches, errors in words."""

import logging
import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from social_core.exceptions import SocialAuthBaseException
from social_django.middleware import SocialAuthExceptionMiddleware

from onboarding import logs
from onboarding.backends import NEXT, is_our_path

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
LOOPBACK = frozenset({"127.0.0.1", "localhost"})
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"


class RequestIdMiddleware:
    """Gives every request an id that the answer, log lines and error pages show."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take the caller's X-Request-Id when it is a plain one, else make one; keep private answers out of caches."""
        given = request.headers.get("X-Request-Id", "")
        reference = given if REQUEST_ID.fullmatch(given) else logs.new_reference()
        request.reference = reference  # type: ignore[attr-defined]
        with logs.quoting(reference):
            response = self.get_response(request)
        response["X-Request-Id"] = reference
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        if "no-store" in response["Cache-Control"]:
            patch_vary_headers(response, ["Cookie", "Authorization"])  # for caches that keep it all the same
        return response


class CanonicalHostMiddleware:
    """Redirects the other loopback name of this site to the one that its cookies and redirect URIs belong to."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.host = urlsplit(settings.SITE_URL).hostname or ""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or send a visitor of `localhost` to `127.0.0.1` on the same port (or the reverse)."""
        name, _, port = request.get_host().partition(":")
        if name != self.host and {name, self.host} <= LOOPBACK and request.method in {"GET", "HEAD"}:
            authority = f"{self.host}:{port}" if port else self.host
            return HttpResponseRedirect(f"{request.scheme}://{authority}{request.get_full_path()}")
        return self.get_response(request)


class MethodNotAllowedMiddleware:
    """Gives a person, whom Django would show an empty page, a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; an empty 405 becomes a page for whoever asks for HTML."""
        response = self.get_response(request)
        if response.status_code == 405 and not response.content and request.accepts("text/html"):
            page = render(request, "405.html", status=405)
            page["Allow"] = response["Allow"]
            return page
        return response


class SignInErrorMiddleware(SocialAuthExceptionMiddleware):
    """Turns what goes wrong at or after the provider into a sentence on the sign-in page."""

    BY_CODE = {
        "authorization_declined": "Signing in was cancelled at the provider. You can try again whenever you like.",
        "authorization_code_rejected": "This sign-in was completed or interrupted before. Please begin again.",
        "identity_in_use": "This identity is not one of this account's. Sign out first to sign in with it.",
        "authentication_disallowed": "This account may not sign in here. Ask the operator of this site why.",
        "not_asked_again": "The provider did not ask who you are, which proves nothing. Sign out there, and try again.",
        "connection_failed": "The sign-in provider could not be reached. Please try again in a moment.",
        "timeout": "The sign-in provider took too long to answer. Please try again in a moment.",
        "unavailable": "The sign-in provider is not available just now. Please try again in a moment.",
        "rate_limited": "The sign-in provider asks us to wait. Please try again in a minute.",
    }
    BY_SOURCE = {
        "session": "This sign-in was begun too long ago, or in another browser. Please begin again.",
        "request": "The answer of the sign-in provider was not complete. Please begin again.",
        "configuration": "This way of signing in is not set up correctly. Please tell the operator of this site.",
        "provider_response": "The sign-in provider refused, or its answer could not be trusted. Please begin again.",
    }
    OTHERWISE = "Signing in did not work. Please begin again."

    def get_message(self, request: HttpRequest, exception: Exception) -> str:
        """Return a sentence with a reference id, and write the detail to the log under the same id."""
        reference = getattr(request, "reference", "") or logs.new_reference()
        code = source = ""
        if isinstance(exception, SocialAuthBaseException):
            code, source = exception.code, exception.source
            log.warning(
                "Sign-in failed (reference %s): %s %s at %s, provider said %r, status %s: %r",
                *(reference, type(exception).__name__, code, exception.stage),
                *(exception.provider_code, exception.status_code, exception.detail),
                exc_info=exception if source == "configuration" else None,
            )
        sentence = self.BY_CODE.get(code) or self.BY_SOURCE.get(source) or self.OTHERWISE
        return f"{sentence} Reference: {reference}"

    def get_redirect_uri(self, request: HttpRequest, _exception: Exception) -> str:
        """Return the sign-in page, which still knows where the person wanted to go; for the signed in, their own."""
        if request.user.is_authenticated:
            return reverse("tenants:account")
        wanted = request.session.get(NEXT) or ""
        kept = wanted != settings.LOGIN_REDIRECT_URL and is_our_path(wanted)
        return f"{settings.LOGIN_URL}?{urlencode({NEXT: wanted})}" if kept else settings.LOGIN_URL
