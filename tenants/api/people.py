"""Tenants of the person, their members, invitations and the audit trail."""

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.repetition import REPEATABLE, once
from tenants.api.schema import listed
from tenants.api.scope import TenantView
from tenants.api.serializers.people import (
    AuditRow,
    InvitationRow,
    MadeInvitation,
    MemberRow,
    NewInvitation,
    NewName,
    NewRole,
    TenantRow,
)
from tenants.models import ApiToken, Membership, Scope
from tenants.services import members

PAGE = 100


class TenantList(TenantView):
    """`tenants/`."""

    serializer_class = TenantRow

    @extend_schema(operation_id="tenants_list", responses=listed(TenantRow))
    def get(self, request: Request) -> Response:
        """List the tenants that the person, and the token, may see."""
        rows = selectors.memberships_of(self.person)
        if isinstance(request.auth, ApiToken) and request.auth.tenant_id:
            rows = rows.filter(tenant_id=request.auth.tenant_id)
        return Response({"items": TenantRow(rows, many=True).data})


class TenantItem(TenantView):
    """`tenants/{slug}/`."""

    serializer_class = TenantRow
    needs = Scope.MANAGE

    @extend_schema(responses=TenantRow)
    def get(self, _request: Request, slug: str) -> Response:
        """Return the tenant as the person sees it."""
        return Response(TenantRow(self.membership()).data)

    @extend_schema(request=NewName, responses=TenantRow)
    def patch(self, request: Request, slug: str) -> Response:
        """Change the label; slug and boundary are fixed for ever."""
        found = self.membership(may_manage=True)
        wanted = NewName(data=request.data)
        wanted.is_valid(raise_exception=True)
        members.rename(tenant=found.tenant, name=wanted.validated_data["name"], actor=self.person)
        return Response(TenantRow(self.membership()).data)


class MemberList(TenantView):
    """`tenants/{slug}/members/`."""

    serializer_class = MemberRow

    @extend_schema(operation_id="members_list", responses=listed(MemberRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the members, the oldest first."""
        rows = self.tenant().memberships.select_related("user")
        return Response({"items": MemberRow(rows, many=True).data})


class MemberItem(TenantView):
    """`tenants/{slug}/members/{id}/`."""

    serializer_class = MemberRow
    needs = Scope.MANAGE

    @extend_schema(request=NewRole, responses=MemberRow)
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        """Give the member another role, at Fusebit too; the last owner stays one."""
        tenant = self.tenant(may_manage=True)
        row = get_object_or_404(tenant.memberships, pk=pk)
        wanted = NewRole(data=request.data)
        wanted.is_valid(raise_exception=True)
        changed = members.change_role(membership=row, role=wanted.validated_data["role"], actor=self.person)
        return Response(MemberRow(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, _request: Request, slug: str, pk: int) -> Response:
        """Remove the member; who removes themself leaves, whatever their role. The last owner cannot."""
        own = self.membership()
        row = get_object_or_404(Membership, tenant=own.tenant, pk=pk)
        if row.pk != own.pk:
            self.membership(may_manage=True)
        members.remove(membership=row, actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationList(TenantView):
    """`tenants/{slug}/invitations/`."""

    serializer_class = InvitationRow
    needs = Scope.MANAGE

    @extend_schema(operation_id="invitations_list", responses=listed(InvitationRow))
    def get(self, _request: Request, slug: str) -> Response:
        """List the invitations that can still be followed."""
        rows = members.open_invitations(self.tenant(may_manage=True))
        return Response({"items": InvitationRow(rows, many=True).data})

    @extend_schema(parameters=[REPEATABLE], request=NewInvitation, responses={201: MadeInvitation})
    def post(self, request: Request, slug: str) -> Response:
        """Make a link that lets one person in, within eight hours; it is in this answer and nowhere else."""
        tenant = self.tenant(may_manage=True)
        wanted = NewInvitation(data=request.data)
        wanted.is_valid(raise_exception=True)

        def answer() -> Response:
            row, secret = members.invite(tenant=tenant, actor=self.person, **wanted.validated_data)
            link = settings.SITE_URL + reverse("tenants:join", args=[secret])
            return Response({**InvitationRow(row).data, "link": link}, status=status.HTTP_201_CREATED)

        return once(request, self.person, tenant, answer)


class InvitationItem(TenantView):
    """`tenants/{slug}/invitations/{id}/`."""

    serializer_class = InvitationRow
    needs = Scope.MANAGE

    @extend_schema(responses={204: None})
    def delete(self, _request: Request, slug: str, pk: str) -> Response:
        """Make the link useless."""
        row = get_object_or_404(self.tenant(may_manage=True).invitations, pk=pk)
        members.withdraw(invitation=row, actor=self.person)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AuditList(TenantView):
    """`tenants/{slug}/audit/`."""

    serializer_class = AuditRow
    query = frozenset({"before"})

    @extend_schema(
        parameters=[OpenApiParameter("before", int, description="Rows before the one with this number.")],
        responses=listed(AuditRow),
    )
    def get(self, _request: Request, slug: str) -> Response:
        """List a hundred changes, the newest first; `next` is the `before` of the following page."""
        rows = selectors.audit_page(self.tenant(), self.number("before"), PAGE)
        answer = {"items": AuditRow(rows, many=True).data}
        return Response(answer | ({"next": rows[-1].number} if len(rows) == PAGE else {}))
