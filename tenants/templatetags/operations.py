"""Puts the operators' overview on the first page of the admin."""

from typing import Any

from django import template

from tenants.services import overview

register = template.Library()

MODEL_OF_KIND = {"users": "fusebituser", "deployments": "deployment", "policies": "boundarypolicy"}


@register.inclusion_tag("admin/overview.html")
def operations_overview() -> dict[str, Any]:
    """Return what the overview shows."""
    found = overview.compute()
    return {"overview": found, "stuck": [(row, MODEL_OF_KIND[row.kind]) for row in found.stuck]}
