"""Requests that are kept with a function by name: see, keep, forget and send them."""

from dataclasses import replace

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.repetition import REPEATABLE, once
from tenants.api.runs import call_of, told
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers import cases as shapes
from tenants.api.serializers.runs import InvocationAnswer
from tenants.forms import CallForm
from tenants.models import Scope
from tenants.services import cases, invocations


class CaseList(TenantView):
    """`…/{name}/cases/`."""

    serializer_class = shapes.CaseRow

    @extend_schema(operation_id="cases_list", responses=listed(shapes.CaseRow))
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """List the kept requests, by name."""
        return Response({"items": shapes.CaseRow(self.function().cases.all(), many=True).data})

    @extend_schema(request=shapes.NewCase, responses={201: shapes.CaseRow})
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Keep a request under a name, over one that is kept so already."""
        function = self.function(may_write=True)
        wanted = shapes.NewCase(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data["request"]
        call = replace(call_of(given), identity=given["identity"], actions=tuple(given["actions"]))
        form = CallForm(shapes.as_panel(call))
        if not form.is_valid():
            raise ValidationError({"request": [f"{field}: {words[0]}" for field, words in form.errors.items()]})
        kept = cases.keep(
            function=function, name=wanted.validated_data["name"], request=form.as_case(), author=self.person
        )
        return Response(shapes.CaseRow(kept).data, status=status.HTTP_201_CREATED)


class CaseItem(TenantView):
    """`…/{name}/cases/{id}/`."""

    serializer_class = shapes.CaseRow

    @extend_schema(responses={204: None})
    def delete(self, _request: Request, slug: str, name: str, pk: int) -> Response:
        """Forget a kept request."""
        function = self.function(may_write=True)
        cases.forget(function=function, pk=get_object_or_404(function.cases, pk=pk).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CaseRun(TenantView):
    """`…/{name}/cases/{id}/run/`."""

    serializer_class = InvocationAnswer
    needs = Scope.RUN
    runs_functions = True

    @extend_schema(parameters=[REPEATABLE], request=None, responses=InvocationAnswer)
    def post(self, request: Request, slug: str, name: str, pk: int) -> Response:
        """Call the live version as the kept request says; 200 whatever the function itself answered."""
        function = self.function()
        call = shapes.call_of(get_object_or_404(function.cases, pk=pk))

        def answer() -> Response:
            return Response(told(invocations.run(function=function, actor=self.person, call=call, from_panel=True)))

        return once(request, self.person, function.tenant, answer)
