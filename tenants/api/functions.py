"""Functions, their versions and what is deployed."""

import re

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.errors import PreconditionRequired
from tenants.api.repetition import REPEATABLE, once
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers.functions import (
    DeploymentRow,
    FunctionAbout,
    FunctionDetail,
    FunctionRow,
    ImportedFunction,
    NewFunction,
    NewVersion,
    VersionDetail,
    VersionRow,
    WantedVersion,
)
from tenants.models import Function, FunctionVersion
from tenants.services import deployments, functions, imports, provisioning, starters

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)


def etag_of(version: FunctionVersion) -> str:
    """Return the strong validator of a function: the number of its latest version (RFC 9110 8.8.3)."""
    return f'"{version.number}"'


def base_version(request: Request) -> int:
    """Return the version named by If-Match; raise 428 when there is none; 0, which never matches, for nonsense."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired
    number = re.fullmatch(r'"([0-9]{1,9})"', header)
    return int(number[1]) if number else 0


class FunctionList(TenantView):
    """`tenants/{slug}/functions/`."""

    serializer_class = FunctionRow

    @extend_schema(operation_id="functions_list", responses=listed(FunctionRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the functions, by name."""
        rows = selectors.functions_of(self.tenant())
        return Response({"items": FunctionRow(rows, many=True).data})

    @extend_schema(parameters=[REPEATABLE], request=NewFunction, responses={201: FunctionDetail})
    def post(self, request: Request, slug: str) -> Response:
        """Create a function from a template and deploy it."""
        tenant = self.tenant(may_write=True)
        wanted = NewFunction(data=request.data)
        wanted.is_valid(raise_exception=True)
        starter = starters.choices(provisioning.display_name(self.person))[wanted.validated_data["template"]]

        def answer() -> Response:
            name = wanted.validated_data["name"]
            function = functions.create(tenant=tenant, name=name, starter=starter, author=self.person)
            return detail(function, status.HTTP_201_CREATED)

        return once(request, self.person, tenant, answer)


class Import(TenantView):
    """`tenants/{slug}/import/`."""

    serializer_class = ImportedFunction

    @extend_schema(parameters=[REPEATABLE], request=ImportedFunction, responses={201: FunctionDetail})
    def post(self, request: Request, slug: str) -> Response:
        """Create a function from what Fusebit's `GET …/function/{id}?include=all` answered, and deploy it."""
        tenant = self.tenant(may_write=True)
        wanted = ImportedFunction(data=request.data)
        wanted.is_valid(raise_exception=True)
        found, starter = imports.of_answer(wanted.validated_data["specification"])
        name = wanted.validated_data.get("name") or found

        def answer() -> Response:
            function = functions.create(tenant=tenant, name=name, starter=starter, author=self.person)
            return detail(function, status.HTTP_201_CREATED)

        return once(request, self.person, tenant, answer)


class FunctionItem(TenantView):
    """`tenants/{slug}/functions/{name}/`."""

    serializer_class = FunctionDetail

    @extend_schema(responses=FunctionDetail)
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """Return the function with its latest version, whose number is the ETag."""
        return detail(self.function())

    @extend_schema(parameters=[IF_MATCH], request=NewVersion, responses=FunctionDetail)
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Save the next version: 428 without If-Match, 412 when somebody saved in between."""
        function = self.function(may_write=True)
        base = base_version(request)
        wanted = NewVersion(data=request.data)
        wanted.is_valid(raise_exception=True)
        change = functions.Change(**wanted.validated_data)
        functions.save(function=function, change=change, base_version=base, author=self.person)
        return detail(function)

    @extend_schema(request=FunctionAbout, responses=FunctionDetail)
    def patch(self, request: Request, slug: str, name: str) -> Response:
        """Change what is said about the function and what is kept of its calls; versions have no part in it."""
        function = self.function(may_write=True)
        wanted = FunctionAbout(data=request.data)
        wanted.is_valid(raise_exception=True)
        kept = {name: getattr(function, name) for name in ("description", "tags", "keeps_bodies")}
        functions.describe(function=function, author=self.person, **{**kept, **wanted.validated_data})
        return detail(function)

    @extend_schema(responses={204: None})
    def delete(self, _request: Request, slug: str, name: str) -> Response:
        """Delete the function here and at Fusebit, with its call tokens."""
        functions.delete(function=self.function(may_write=True), author=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VersionList(TenantView):
    """`…/{name}/versions/`."""

    serializer_class = VersionRow

    @extend_schema(operation_id="versions_list", responses=listed(VersionRow))
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """List the versions, newest first."""
        rows = self.function().versions.select_related("author")
        return Response({"items": VersionRow(rows, many=True).data})


class VersionItem(TenantView):
    """`…/{name}/versions/{number}/`."""

    serializer_class = VersionDetail

    @extend_schema(responses=VersionDetail)
    def get(self, _request: Request, slug: str, name: str, number: int) -> Response:
        """Return one version; of its secrets only the names."""
        return Response(VersionDetail(get_object_or_404(self.function().versions, number=number)).data)


class Deploy(TenantView):
    """`…/{name}/deploy/`."""

    serializer_class = WantedVersion

    @extend_schema(request=WantedVersion, responses=DeploymentRow)
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Deploy a version, the latest by default; answers when it is live or has failed."""
        function = self.function(may_write=True)
        wanted = WantedVersion(data=request.data)
        wanted.is_valid(raise_exception=True)
        number = wanted.validated_data.get("version", function.latest.number)
        return self.deploy(function, function.versions.filter(number=number).first())

    def deploy(self, function: Function, version: FunctionVersion | None) -> Response:
        """Want `version` live and return how that went."""
        if version is None:
            raise NotFound("There is no such version.")
        row = functions.deploy(function=function, version=version, author=self.person)
        return Response(DeploymentRow(deployments.settled(row=row)).data)


class Rollback(Deploy):
    """`…/{name}/rollback/`."""

    @extend_schema(request=None, responses=DeploymentRow)
    def post(self, _request: Request, slug: str, name: str) -> Response:
        """Deploy the version before the one that is live: code and configuration together."""
        function = self.function(may_write=True)
        live = function.deployment.live_version
        number = live.number if live else function.latest.number
        return self.deploy(function, function.versions.filter(number__lt=number).first())


def detail(function: Function, code: int = status.HTTP_200_OK) -> Response:
    """Return the function with its ETag."""
    fresh = selectors.function_or_404(function.tenant, function.name)
    return Response(FunctionDetail(fresh).data, status=code, headers={"ETag": etag_of(fresh.latest)})
