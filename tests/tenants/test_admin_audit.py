"""What an operator does in the admin is in the trail of every tenant that it concerns, and in the site's own."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from tenants.models import AuditEvent, BoundaryPolicy, Deployment, FusebitUser, State
from tenants.services import audit
from tests.cast import Cast

JOINED = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
NEW = {"password1": "only-for-tests-7", "password2": "only-for-tests-7"}


@pytest.fixture
def op(cast: Cast) -> Client:
    """An operator's browser."""
    client = Client()
    client.force_login(cast.op, backend="django.contrib.auth.backends.ModelBackend")
    return client


def chosen(op: Client, model: str, action: str, pk: Any, **more: str) -> Any:
    """Do an action of a list with one row, confirmed."""
    form = {"action": action, "_selected_action": [str(pk)], "confirmed": "yes", **more}
    return op.post(reverse(f"admin:tenants_{model}_changelist"), form)


def close(op: Client, cast: Cast) -> Any:
    form = {"first_name": "Ada", "email": cast.ada.email, "username": cast.ada.username, **JOINED}
    return op.post(reverse("admin:auth_user_change", args=[cast.ada.pk]), form)


def set_password(op: Client, cast: Cast) -> Any:
    return op.post(reverse("admin:auth_user_password_change", args=[cast.ada.pk]), NEW | {"usable_password": "true"})


def try_function_again(op: Client, cast: Cast) -> Any:
    row = Deployment.objects.get(function=cast.hello)
    Deployment.objects.filter(pk=row.pk).update(state=State.BLOCKED, error_code="grants")
    return chosen(op, "deployment", "try_again", row.pk)


def try_user_again(op: Client, cast: Cast) -> Any:
    row = FusebitUser.objects.get(user=cast.ada)
    FusebitUser.objects.filter(pk=row.pk).update(state=State.BLOCKED, error_code="grants")
    return chosen(op, "fusebituser", "try_again", row.pk)


def try_policy_again(op: Client, cast: Cast) -> Any:
    row = BoundaryPolicy.objects.create(tenant=cast.tenant, state=State.BLOCKED, error_code="grants")
    return chosen(op, "boundarypolicy", "try_again", row.pk)


def try_all_alike(op: Client, cast: Cast) -> Any:
    Deployment.objects.filter(function=cast.hello).update(state=State.BLOCKED, error_code="grants")
    return op.post(reverse("admin:tenants_deployment_alike", args=["grants"]))


@pytest.mark.parametrize(
    ("act", "action", "detail"),
    [
        (lambda op, cast: chosen(op, "tenant", "retry", cast.tenant.pk), "provisioning.retried", {}),
        (lambda op, cast: chosen(op, "tenant", "suspend", cast.tenant.pk), "tenant.suspended", {}),
        (lambda op, cast: chosen(op, "tenant", "end", cast.tenant.pk), "tenant.ended", {}),
        (try_function_again, "provisioning.retried", {}),
        (try_user_again, "provisioning.retried", {}),
        (try_policy_again, "provisioning.retried", {}),
        (try_all_alike, "provisioning.retried", {"cause": "grants"}),
        (close, "person.changed", {"fields": ["Active"], "is_active": False}),
        (set_password, "person.changed", {"fields": ["password"], "is_active": True}),
    ],
)
def test_every_action_is_in_the_tenants_trail(
    act: Callable[[Client, Cast], Any], action: str, detail: dict[str, Any], op: Client, cast: Cast
) -> None:
    assert act(op, cast).status_code == 302

    row = cast.tenant.audit_events.filter(actor=cast.op).order_by("number").last()
    assert row is not None
    assert row.action == action
    assert detail.items() <= row.detail.items()
    assert audit.verify() == []


def test_what_concerns_no_tenant_is_in_the_sites_trail(op: Client, cast: Cast) -> None:
    op.post(reverse("admin:auth_group_add"), {"name": "Support"})
    op.post(reverse("admin:auth_group_change", args=[Group.objects.get().pk]), {"name": "Helpers"})
    op.post(reverse("admin:auth_group_delete", args=[Group.objects.get().pk]), {"post": "yes"})
    op.post(reverse("admin:auth_user_add"), {"username": "op2", "usable_password": "true", **NEW})
    plain = [User.objects.create(username=name) for name in ("one", "two")]
    op.post(reverse("admin:auth_user_delete", args=[plain[0].pk]), {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [str(plain[1].pk)], "post": "yes"}
    op.post(reverse("admin:auth_user_changelist"), selected)
    close(op, cast)

    rows = AuditEvent.objects.filter(chain=audit.SITE, actor=cast.op).order_by("number")
    wanted = ["group.added", "group.changed", "group.deleted", "person.added"]
    wanted += ["person.deleted", "person.deleted", "person.changed"]
    assert list(rows.values_list("action", flat=True)) == wanted


def test_a_person_of_a_tenant_is_closed_and_never_deleted(op: Client, cast: Cast) -> None:
    answer = op.post(reverse("admin:auth_user_delete", args=[cast.ada.pk]), {"post": "yes"})

    assert answer.status_code == 403
    assert User.objects.filter(pk=cast.ada.pk).exists()


def test_a_form_that_changes_nothing_leaves_no_row(op: Client, cast: Cast) -> None:
    before = AuditEvent.objects.count()
    url = reverse("admin:auth_user_change", args=[cast.ada.pk])
    form = {"first_name": cast.ada.first_name, "last_name": cast.ada.last_name, "email": cast.ada.email}

    answer = op.post(url, {**form, "username": cast.ada.username, "is_active": "on"})

    assert (answer.status_code, AuditEvent.objects.count()) == (302, before)
