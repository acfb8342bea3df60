"""Personal API tokens, and tokens that call one function."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.repetition import REPEATABLE, once
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers.tokens import (
    CallTokenRow,
    MadeCallToken,
    MadeToken,
    NewCallToken,
    NewToken,
    TokenRow,
)
from tenants.models import Scope
from tenants.services import call_tokens, tokens


class TokenList(TenantView):
    """`tenants/{slug}/tokens/`."""

    serializer_class = TokenRow
    needs = Scope.MANAGE

    @extend_schema(operation_id="tokens_list", responses=listed(TokenRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the person's own tokens that are good for this tenant."""
        return Response({"items": TokenRow(tokens.of_person(self.person, self.tenant()), many=True).data})

    @extend_schema(parameters=[REPEATABLE], request=NewToken, responses={201: MadeToken})
    def post(self, request: Request, slug: str) -> Response:
        """Make a token for this tenant; it is in this answer and nowhere else."""
        tenant = self.tenant()
        wanted = NewToken(data=request.data)
        wanted.is_valid(raise_exception=True)

        def answer() -> Response:
            row, token = tokens.create(user=self.person, tenant=tenant, **wanted.validated_data)
            return Response({**TokenRow(row).data, "token": token}, status=status.HTTP_201_CREATED)

        return once(request, self.person, tenant, answer)


class TokenItem(TenantView):
    """`tenants/{slug}/tokens/{id}/`."""

    serializer_class = TokenRow
    needs = Scope.READ  # a token that leaked may always be taken away, by itself too

    @extend_schema(responses={204: None})
    def delete(self, _request: Request, slug: str, pk: str) -> Response:
        """Revoke one of the person's own tokens, at once."""
        row = get_object_or_404(tokens.of_person(self.person, self.tenant()), pk=pk)
        tokens.revoke(row=row, actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CallTokenList(TenantView):
    """`…/{name}/tokens/`."""

    serializer_class = CallTokenRow
    needs = Scope.MANAGE

    @extend_schema(operation_id="call_tokens_list", responses=listed(CallTokenRow))
    def get(self, _request: Request, slug: str, name: str) -> Response:
        """List the tokens that can call this function."""
        return Response({"items": CallTokenRow(call_tokens.alive(self.function()), many=True).data})

    @extend_schema(parameters=[REPEATABLE], request=NewCallToken, responses={201: MadeCallToken})
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Make a token that calls this one function until a date; it is in this answer and nowhere else."""
        function = self.function(may_write=True)
        wanted = NewCallToken(data=request.data)
        wanted.is_valid(raise_exception=True)

        def answer() -> Response:
            row, token = call_tokens.mint(function=function, actor=self.person, **wanted.validated_data)
            made = {**CallTokenRow(row).data, "token": token, "url": function.deployment.location}
            return Response(made, status=status.HTTP_201_CREATED)

        return once(request, self.person, function.tenant, answer)


class CallTokenItem(TenantView):
    """`…/{name}/tokens/{id}/`."""

    serializer_class = CallTokenRow
    needs = Scope.MANAGE

    @extend_schema(responses=CallTokenRow)
    def delete(self, _request: Request, slug: str, name: str, pk: str) -> Response:
        """Revoke the token: its user is deleted at Fusebit; the answer shows how far that is."""
        row = get_object_or_404(self.function(may_write=True).call_tokens, pk=pk)
        return Response(CallTokenRow(call_tokens.revoke(token=row, actor=self.person)).data)
