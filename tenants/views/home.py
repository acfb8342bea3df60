"""The way in: to the function that the person worked on last, or to what is still being set up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from tenants import selectors
from tenants.models import Tenant
from tenants.services import progress, provisioning
from tenants.views import scope, streams

LAST = "last_function"  # the session's key: the function that was open last
SLOW_AFTER = timedelta(seconds=10)
STREAM_S = 60.0  # the page begins another stream, or polls, when this one ends
LOOK_S = 0.3
MOST_DIGITS = 18


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
    ledger = progress.ledger(tenant)
    seen = ".".join(
        [*(step.state for step in steps), "slow" if is_slow else "brisk", str(ledger[-1].pk if ledger else 0)]
    )
    if htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    failed = next((step for step in steps if step.state == progress.FAILED), None)
    context = {"tenant": tenant, "steps": steps, "ledger": ledger, "failed": failed, "is_slow": is_slow, "seen": seen}
    return render(request, "tenants/_steps.html" if htmx else "tenants/setup.html", context)


@require_GET
async def events(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Say at once when a step was written to the ledger; the page then asks for what changed."""
    tenant = (await sync_to_async(scope.membership)(request, slug)).tenant
    given = request.headers.get("Last-Event-ID", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < MOST_DIGITS else 0
    return streams.respond(request, _steps_written(tenant, after))


async def _steps_written(tenant: Tenant, after: int) -> AsyncIterator[str]:
    until = time.monotonic() + STREAM_S
    while time.monotonic() < until:
        for row in await sync_to_async(progress.ledger)(tenant, after=after):
            after = row.pk
            told = {"step": row.step, "outcome": row.outcome, "cause": row.cause, "reference": row.reference_id}
            yield f"id: {row.pk}\nevent: step\ndata: {json.dumps(told)}\n\n"
        if await sync_to_async(progress.is_complete)(tenant):
            break
        await asyncio.sleep(LOOK_S)
    yield "event: end\ndata: {}\n\n"


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
