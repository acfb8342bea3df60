"""Operators see every tenant, its boundary, its Fusebit users and every step, and can change none of it by a form."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.cast import Cast

MODELS = [model for model in admin.site._registry if model._meta.app_label == "tenants"]


@pytest.fixture
def op(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.op, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_tenant_page_shows_boundary_members_and_ledger(op: Client, cast: Cast) -> None:
    page = op.get(reverse("admin:tenants_tenant_change", args=[cast.tenant.pk])).content.decode()

    assert cast.tenant.boundary_id in page
    assert "local|ada" in page
    assert "recorded" in page


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_opens_and_nothing_can_be_added_by_hand(op: Client, model: type) -> None:
    name = model._meta.model_name  # type: ignore[attr-defined]

    assert op.get(reverse(f"admin:tenants_{name}_changelist")).status_code == 200
    assert op.get(reverse(f"admin:tenants_{name}_add")).status_code == 403


def test_retry_makes_what_is_not_in_order_due(op: Client, cast: Cast) -> None:
    answer = op.post(
        reverse("admin:tenants_tenant_changelist"), {"action": "retry", "_selected_action": [str(cast.tenant.pk)]}
    )

    assert answer.status_code == 302
    assert cast.tenant.audit_events.filter(action="provisioning.retried").exists()


def test_a_tenant_cannot_open_the_admin(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/admin/tenants/tenant/").status_code == 302


def test_an_operator_can_close_an_account_that_came_through_a_provider(op: Client, cast: Cast) -> None:
    url = reverse("admin:auth_user_change", args=[cast.ada.pk])
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    answer = op.post(url, {"first_name": "Ada", "email": cast.ada.email, "username": "somebody-else", **joined})

    cast.ada.refresh_from_db()
    assert answer.status_code == 302
    assert not cast.ada.is_active
    assert cast.ada.username == "local|ada"
