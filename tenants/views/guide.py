"""Help inside the product: what a function is given, what it may answer, and what every error means."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.services import catalogue, causes
from tenants.views import scope


@require_safe
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the reference and the catalogue of errors."""
    member = scope.membership(request, slug)
    shown = {
        "tenant": member.tenant,
        "section": "help",
        "causes": catalogue.CAUSES.values(),
        "refusals": [(code, *words) for code, words in catalogue.REFUSALS.items()],
        "troubles": [cause for cause in causes.CATALOGUE.values() if cause.person and cause.code not in KNOWN],
    }
    return render(request, "tenants/help.html", shown)


KNOWN = catalogue.CAUSES.keys() | catalogue.REFUSALS.keys()
