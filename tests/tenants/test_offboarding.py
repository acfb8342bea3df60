"""A tenant that an operator ends: nobody opens it, nobody reads its secrets, and Fusebit has nothing of it."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from fusebit_bridge import door
from tenants.errors import InvitationGone
from tenants.models import AuditEvent, BoundaryPolicy, Membership, State, Tenant
from tenants.services import configuration, members, offboarding, operations, secrets, tokens
from tests.cast import Cast
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.conftest import work

VALUE = "sk_live_of_ada_1234"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def press(tenant: Tenant, **form: str) -> str:
    """Press *End for good* as an operator; return the page."""
    client = Client()
    client.force_login(User.objects.create_superuser(f"op{User.objects.count()}"), backend=BACKEND)
    url, chosen = reverse("admin:tenants_tenant_changelist"), {"_selected_action": [str(tenant.pk)]}
    return client.post(url, {"action": "end", **chosen, **form}, follow=True).content.decode()


@pytest.mark.django_db
@pytest.mark.processes
@pytest.mark.parametrize(("is_suspended", "is_abandoned"), [(False, False), (True, True)])
def test_ending_a_tenant_leaves_nothing_at_fusebit_and_no_way_in(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, is_suspended: bool, is_abandoned: bool
) -> None:
    ada = ada_at_home.members.get()
    hello = ada_at_home.functions.get()
    configuration.patch(function=hello, author=ada, secret={"STRIPE_KEY": VALUE})
    if is_suspended:
        operations.suspend(tenant=ada_at_home, actor=None)
        work()
    row = hello.secrets.get()
    page = reverse("tenants:functions", args=[ada_at_home.slug])
    client = Client()
    client.force_login(ada, backend=BACKEND)

    asked = press(ada_at_home)
    untouched = secrets.vault_of(ada_at_home).open(row.sealed, *row.context)
    press(ada_at_home, confirmed="1")

    assert "Nothing undoes this" in asked
    assert untouched == VALUE
    with pytest.raises(door.CannotDecrypt):
        secrets.vault_of(ada_at_home).open(row.sealed, *row.context)
    assert client.get(page).status_code == 404
    assert not Membership.objects.filter(tenant=ada_at_home).exists()
    if is_abandoned:
        ada.delete()
    work()
    listed = embedded.request("GET", f"{embedded.boundary(ada_at_home.boundary_id)}/function").json()["items"]
    users = embedded.request("GET", f"{embedded.account}/user?include=all&count=100").json()["items"]
    hello.refresh_from_db()
    assert listed == []
    assert ada_at_home.boundary_id not in json.dumps(users)
    assert hello.deleted_at is not None
    assert hello.deployment.state == State.DELETED
    assert AuditEvent.objects.filter(action="tenant.ended", tenant=ada_at_home).count() == 1


def test_it_ends_once_and_is_neither_suspended_nor_resumed_afterwards(cast: Cast) -> None:
    assert offboarding.end(tenant=cast.tenant, actor=cast.op)

    assert not offboarding.end(tenant=cast.tenant, actor=cast.op)
    assert not operations.suspend(tenant=cast.tenant, actor=cast.op)
    assert not operations.resume(tenant=cast.tenant, actor=cast.op)
    assert AuditEvent.objects.filter(action="tenant.ended").count() == 1
    assert BoundaryPolicy.objects.get(tenant=cast.tenant).suspended


def test_what_a_call_that_was_under_way_wrote_is_made_unreadable_too(cast: Cast) -> None:
    offboarding.end(tenant=cast.tenant, actor=cast.op)
    late = secrets.vault_of(cast.tenant).seal(VALUE, "row")

    offboarding.sweep()

    with pytest.raises(door.CannotDecrypt):
        secrets.vault_of(cast.tenant).open(late, "row")


def test_tokens_and_invitations_of_it_end_with_it(cast: Cast) -> None:
    _row, token = tokens.create(user=cast.ada, name="ci", tenant=cast.tenant)
    _row, everywhere = tokens.create(user=cast.ada, name="all")
    _row, secret = members.invite(tenant=cast.tenant, role="viewer", actor=cast.ada)
    bearer = {"Authorization": f"Bearer {everywhere}"}
    url = f"/api/v1/tenants/{cast.tenant.slug}/functions/"
    assert Client().get(url, headers=bearer).status_code == 200

    offboarding.end(tenant=cast.tenant, actor=cast.op)

    assert tokens.find(token) is None
    assert Client().get(url, headers=bearer).status_code == 404
    with pytest.raises(InvitationGone):
        members.find(secret)
