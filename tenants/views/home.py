"""The way in: to the function that the person worked on last, or to what is still being set up."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from tenants import selectors
from tenants.models import Tenant
from tenants.services import progress, provisioning
from tenants.views import scope

LAST = "last_function"  # the session's key: the function that was open last
SLOW_AFTER = timedelta(seconds=10)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Send the person where they left off."""
    person = scope.person(request)
    tenant = _tenant(person, request.session.get(scope.LAST_TENANT, ""))
    if tenant is None:
        return redirect("admin:index") if person.is_staff else render(request, "tenants/nowhere.html")
    if not progress.is_complete(tenant):
        return redirect("tenants:setup", tenant.slug)
    function = selectors.last_function(tenant, person, request.session.get(LAST, ""))
    if function is None:
        return redirect("tenants:functions", tenant.slug)
    return redirect("tenants:function", tenant.slug, function.name)


@never_cache
@require_GET
def setup(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the steps; to htmx only what changed since `seen` (204 when nothing did), or where to go next."""
    tenant = scope.membership(request, slug).tenant
    steps = progress.steps(tenant)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]  # by its middleware
    if progress.is_complete(tenant):
        return HttpResponseClientRedirect(reverse("tenants:home")) if htmx else redirect("tenants:home")
    is_slow = timezone.now() - tenant.created_at > SLOW_AFTER
    seen = ".".join([*(step.state for step in steps), "slow" if is_slow else "brisk"])
    if htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    failed = next((step for step in steps if step.state == progress.FAILED), None)
    context = {"tenant": tenant, "steps": steps, "failed": failed, "is_slow": is_slow, "seen": seen}
    return render(request, "tenants/_steps.html" if htmx else "tenants/setup.html", context)


@require_POST
def retry(request: HttpRequest, slug: str) -> HttpResponseRedirect:
    """Try what failed again, now."""
    member = scope.membership(request, slug, may_write=True)
    provisioning.retry(tenant=member.tenant, actor=scope.person(request))
    return redirect("tenants:setup", slug)


def _tenant(person: User, last: str) -> Tenant | None:
    """Return the tenant that was open last, else the first; a sign-in that was cut off before is completed here."""
    opened = selectors.memberships_of(person).filter(tenant__slug=last).first()
    if opened is not None:
        return opened.tenant
    social = person.social_auth.first()
    if social is None:
        return selectors.tenant_of(person)
    return provisioning.request(user=person, social=social)
