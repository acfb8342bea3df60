"""Tenants of the person, their members, tokens and the audit trail."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers import AuditRow, MemberRow, NewToken, TenantRow, TokenRow
from tenants.models import ApiToken
from tenants.services import tokens


class TenantList(TenantView):
    """`tenants/`."""

    serializer_class = TenantRow

    @extend_schema(responses=listed(TenantRow))
    def get(self, request: Request) -> Response:
        """List the tenants that the person, and the token, may see."""
        rows = selectors.memberships_of(self.person)
        if isinstance(request.auth, ApiToken) and request.auth.tenant_id:
            rows = rows.filter(tenant_id=request.auth.tenant_id)
        return Response({"items": TenantRow(rows, many=True).data})


class MemberList(TenantView):
    """`tenants/{slug}/members/`."""

    serializer_class = MemberRow

    @extend_schema(responses=listed(MemberRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the members, the oldest first."""
        rows = self.tenant().memberships.select_related("user")
        return Response({"items": MemberRow(rows, many=True).data})


class TokenList(TenantView):
    """`tenants/{slug}/tokens/`."""

    serializer_class = TokenRow

    @extend_schema(responses=listed(TokenRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the person's own tokens for this tenant that are not revoked."""
        rows = ApiToken.objects.filter(user=self.person, tenant=self.tenant(), revoked_at=None)
        return Response({"items": TokenRow(rows, many=True).data})

    @extend_schema(request=NewToken, responses={201: TokenRow})
    def post(self, request: Request, slug: str) -> Response:
        """Make a token for this tenant; it is in this answer and nowhere else."""
        tenant = self.tenant()
        wanted = NewToken(data=request.data)
        wanted.is_valid(raise_exception=True)
        row, token = tokens.create(user=self.person, tenant=tenant, **wanted.validated_data)
        return Response({**TokenRow(row).data, "token": token}, status=status.HTTP_201_CREATED)


class AuditList(TenantView):
    """`tenants/{slug}/audit/`."""

    serializer_class = AuditRow

    @extend_schema(responses=listed(AuditRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the newest hundred changes."""
        rows = self.tenant().audit_events.select_related("actor")[:100]
        return Response({"items": AuditRow(rows, many=True).data})
