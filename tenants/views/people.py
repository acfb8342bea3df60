"""Who belongs to the workspace: see them, invite, change, hand over, leave."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access_forms import InvitationForm, NameForm, RoleForm
from tenants.errors import InvalidInput, InvitationGone, LastOwner, TenantError
from tenants.models import Membership
from tenants.services import members
from tenants.views import scope

FORMS = ["GET", "HEAD", "POST"]


@never_cache
@require_http_methods(FORMS)
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """List the members and the open invitations; make an invitation, whose link is shown this once."""
    if request.method != "POST":
        return _overview(request, scope.membership(request, slug))
    own = scope.membership(request, slug, may_manage=True)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _overview(request, own, 422, form=form)
    try:
        row, secret = members.invite(tenant=own.tenant, actor=scope.person(request), **form.cleaned_data)
    except InvalidInput as error:
        form.add_error(None, error.message)
        return _overview(request, own, 422, form=form)
    link = settings.SITE_URL + reverse("tenants:join", args=[secret])
    return _overview(request, own, made=row, link=link)


def _overview(request: HttpRequest, own: Membership, status: int = 200, **more: Any) -> HttpResponse:
    rows = own.tenant.memberships.select_related("user", "user__fusebit_user")
    can_manage = scope.can_manage(own)
    shown = {
        "tenant": own.tenant,
        "own": own,
        "rows": [(row, RoleForm(initial={"role": row.role}, prefix=f"m{row.pk}")) for row in rows],
        "invitations": members.open_invitations(own.tenant) if can_manage else [],
        "can_manage": can_manage,
        "form": InvitationForm(),
        "name_form": NameForm(initial={"name": own.tenant.name}),
        "tab": "members",
        **more,
    }
    return render(request, "tenants/members.html", shown, status=status)


@require_POST
def rename(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the workspace another name for people; its address stays."""
    own = scope.membership(request, slug, may_manage=True)
    form = NameForm(request.POST)
    if not form.is_valid():
        return _overview(request, own, 422, name_form=form)
    members.rename(tenant=own.tenant, name=form.cleaned_data["name"], actor=scope.person(request))
    messages.success(request, "The workspace has a new name.")
    return redirect("tenants:members", slug)


@require_POST
def role(request: HttpRequest, slug: str, pk: int) -> HttpResponseRedirect:
    """Give a member another role."""
    own = scope.membership(request, slug, may_manage=True)
    row = get_object_or_404(own.tenant.memberships, pk=pk)
    form = RoleForm(request.POST, prefix=f"m{row.pk}")
    wanted = form.cleaned_data["role"] if form.is_valid() else ""
    try:
        changed = members.change_role(membership=row, role=wanted, actor=scope.person(request))
    except TenantError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{scope.name_of(changed.user)} is {changed.get_role_display().lower()} now.")
    return redirect("tenants:members", slug)


@never_cache
@require_http_methods(FORMS)
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask, then take a member out; everybody may take themself out."""
    own = scope.membership(request, slug)
    row = get_object_or_404(own.tenant.memberships.select_related("user"), pk=pk)
    if row.pk != own.pk:
        scope.membership(request, slug, may_manage=True)
    shown = {"tenant": own.tenant, "row": row, "is_self": row.pk == own.pk, "tab": "members"}
    if request.method != "POST":
        return render(request, "tenants/member_remove.html", shown)
    try:
        members.remove(membership=row, actor=scope.person(request))
    except LastOwner as error:
        return render(request, "tenants/member_remove.html", {**shown, "problem": error.message}, status=422)
    if row.pk == own.pk:
        messages.success(request, f"You have left {own.tenant.name}.")
        return redirect("tenants:home")
    messages.success(request, f"{scope.name_of(row.user)} is no longer a member.")
    return redirect("tenants:members", slug)


@never_cache
@require_http_methods(FORMS)
def transfer(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask, then make another member the owner in one's own place."""
    own = scope.membership(request, slug, may_manage=True)
    row = get_object_or_404(own.tenant.memberships.select_related("user").exclude(pk=own.pk), pk=pk)
    if request.method != "POST":
        return render(request, "tenants/member_transfer.html", {"tenant": own.tenant, "row": row, "tab": "members"})
    members.transfer(membership=own, to=row)
    messages.success(request, f"{scope.name_of(row.user)} is the owner now, and you are a developer.")
    return redirect("tenants:members", slug)


@require_POST
def withdraw(request: HttpRequest, slug: str, pk: str) -> HttpResponseRedirect:
    """Make the link of an invitation useless."""
    own = scope.membership(request, slug, may_manage=True)
    members.withdraw(invitation=get_object_or_404(own.tenant.invitations, pk=pk), actor=scope.person(request))
    messages.success(request, "The invitation was withdrawn.")
    return redirect("tenants:members", slug)


@never_cache
@require_http_methods(FORMS)
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Show what a link invites to; following it to the end makes the person a member."""
    user = scope.person(request)
    try:
        invitation = members.find(secret)
        if request.method == "POST":
            made = members.accept(secret=secret, user=user)
            messages.success(request, f"Welcome to {made.tenant.name}.")
            return redirect("tenants:functions", made.tenant.slug)
    except InvitationGone as error:
        return render(request, "tenants/join.html", {"problem": error.message}, status=410)
    except InvalidInput as error:
        return render(request, "tenants/join.html", {"problem": error.message}, status=422)
    existing = Membership.objects.filter(tenant=invitation.tenant, user=user).first()
    return render(request, "tenants/join.html", {"invitation": invitation, "existing": existing})
