"""What happens to every request: one canonical host, an id to quote, nothing private in caches, errors in words."""

import logging
import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers
from social_django.middleware import SocialAuthExceptionMiddleware

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def new_reference() -> str:
    """Return an id that a person can read out to an operator."""
    return secrets.token_hex(6)


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


class RequestIdMiddleware:
    """Gives every request an id that the answer, log lines and error pages show."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take the caller's X-Request-Id when it is a plain one, else make one; keep private answers out of caches."""
        given = request.headers.get("X-Request-Id", "")
        request.reference = given if REQUEST_ID.fullmatch(given) else new_reference()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.reference  # type: ignore[attr-defined]
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
        )
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class SignInErrorMiddleware(SocialAuthExceptionMiddleware):
    """Turns what goes wrong at or after the provider into a sentence on the sign-in page."""

    SENTENCES = {
        "session": "This sign-in was begun too long ago, or in another browser. Please begin again.",
        "request": "The answer of the sign-in provider was not complete. Please begin again.",
        "local_policy": "This account may not sign in here.",
        "configuration": "This way of signing in is not set up correctly. Please tell the operator.",
        "provider_response": "The sign-in provider refused, or its answer could not be trusted. Please try again.",
    }
    CANCELLED = "Signing in was cancelled. You can try again whenever you like."
    OTHERWISE = "Signing in did not work. Please try again."

    def get_message(self, request: HttpRequest, exception: Exception) -> str:
        """Return a sentence with a reference id, and write the detail to the log under the same id."""
        reference = getattr(request, "reference", "") or new_reference()
        log.warning("Sign-in failed, reference %s: %s: %s", reference, type(exception).__name__, exception)
        cancelled = getattr(exception, "code", "") == "authorization_declined"
        source = getattr(exception, "source", "")
        sentence = self.CANCELLED if cancelled else self.SENTENCES.get(source, self.OTHERWISE)
        return f"{sentence} Reference: {reference}"
