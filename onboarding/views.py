"""Sign-in, sign-out, health and the pages for when something goes wrong."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.backends import wanted_path
from tenants.services import health, metrics

WORDS = {
    400: ("bad_request", "The request cannot be understood."),
    403: ("permission_denied", "This is not allowed."),
    404: ("not_found", "There is no such thing here."),
    500: ("internal", "Something broke here. It was written down under the reference."),
}
# Pages that ask neither the session nor the database, because one of them may be what broke.
ALONE = frozenset({400, 500})


@login_not_required
@never_cache
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show one button per configured provider; `next` survives when it stays on this site."""
    wanted = wanted_path(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted or settings.LOGIN_REDIRECT_URL)
    return render(request, "sign_in.html", {"buttons": settings.SIGN_IN_BUTTONS, "next": wanted})


@login_not_required
@require_safe
def alive(_request: HttpRequest) -> JsonResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Say whether the database, Fusebit and the queue are as they should be; 503 when one is not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks = {"database": "ok", **health.checks()}
        waits = {"oldest_due_s": round(health.oldest_due_s(), 1)}
    except DatabaseError:
        checks, waits = {"database": "unreachable"}, {}
    is_well = all(value == "ok" for value in checks.values())
    told = {"status": "ok" if is_well else "unwell", "checks": checks, **waits}
    return JsonResponse(told, status=200 if is_well else 503)


@login_not_required
@never_cache
@require_safe
def measured(request: HttpRequest) -> HttpResponse:
    """Give the numbers to operators, and to a monitoring system that knows the token; to others there is nothing."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = bool(settings.METRICS_TOKEN) and constant_time_compare(given, settings.METRICS_TOKEN)
    if not known and not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    return HttpResponse(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that cannot be understood."""
    return _page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that is not allowed."""
    return _page(request, 403, why=str(exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that does not come from a page of ours, or from one that is too old."""
    return render(request, "403_csrf.html", {"reason": reason}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for what does not exist, or is somebody else's."""
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke: no detail, a reference id, and nothing that could break again."""
    return _page(request, 500)


def _page(request: HttpRequest, status: int, **more: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        code, message = WORDS[status]
        body = {"status": status, "statusCode": status, "code": code, "message": message}
        return JsonResponse({**body, "reference": getattr(request, "reference", "")}, status=status)
    if status in ALONE:
        return HttpResponse(render_to_string(f"{status}.html", {"request": request}), status=status)
    return render(request, f"{status}.html", more, status=status)
