"""Configuration and secrets of a function, changed key by key."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.scope import TenantView
from tenants.api.serializers.settings import PATCH, PATCH_EXAMPLES, ConfigurationList, Patch, SecretList
from tenants.models import Function
from tenants.services import configuration, secrets


def changes_of(request: Request) -> dict[str, Any]:
    """Return the names and values of a PATCH; raise ValidationError."""
    values: dict[str, Any] = Patch().run_validation(request.data)
    return values


def standing(function: Function) -> dict[str, Any]:
    """Return which version has what is listed, and what a deployment would apply."""
    pending, live = configuration.pending(function), function.deployment.live_version
    return {
        "version": function.latest.number,
        "live_version": live.number if live else None,
        "pending": list(pending.names) if pending else [],
    }


class Secrets(TenantView):
    """`…/{name}/secrets/`."""

    serializer_class = SecretList

    @extend_schema(responses=SecretList)
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """List the names of the secrets; nobody gets to see their values again."""
        return self.answer(self.function())

    @extend_schema(request=PATCH, examples=PATCH_EXAMPLES, responses=SecretList)
    def patch(self, request: Request, slug: str, name: str) -> Response:
        """Set or remove secrets by name, as a new version; deploy it to apply them."""
        function = self.function(may_write=True)
        configuration.patch(function=function, author=self.person, secret=changes_of(request))
        return self.answer(selectors.function_or_404(function.tenant, function.name))

    def answer(self, function: Function) -> Response:
        """Return names, who set them and when."""
        rows = [
            {"name": name, "set_at": row.created_at, "set_by": row.author.get_full_name() if row.author else ""}
            for name, row in secrets.described(function.latest).items()
        ]
        return Response(SecretList({"items": rows, **standing(function)}).data)


class Configuration(TenantView):
    """`…/{name}/configuration/`."""

    serializer_class = ConfigurationList

    @extend_schema(responses=ConfigurationList)
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """Return the plain configuration."""
        return self.answer(self.function())

    @extend_schema(request=PATCH, examples=PATCH_EXAMPLES, responses=ConfigurationList)
    def patch(self, request: Request, slug: str, name: str) -> Response:
        """Set or remove values by name, as a new version; deploy it to apply them."""
        function = self.function(may_write=True)
        configuration.patch(function=function, author=self.person, plain=changes_of(request))
        return self.answer(selectors.function_or_404(function.tenant, function.name))

    def answer(self, function: Function) -> Response:
        """Return the values of the latest version."""
        values = {"items": function.latest.configuration, **standing(function)}
        return Response(ConfigurationList(values).data)
