"""Operators see every tenant, its boundary, its Fusebit users and every step, and can change none of it by a form."""

import pytest
from django.contrib import admin
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import AuditEvent, BoundaryPolicy, Comparison, FusebitUser, ProvisioningEvent, State
from tenants.services import causes, pulse
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


def test_the_overview_counts_what_is_stuck_and_every_number_is_a_link(op: Client, cast: Cast) -> None:
    FusebitUser.objects.filter(user=cast.ada).update(state=State.BLOCKED, error_code="grants")
    pulse.beat(holding_back="clock")

    page = op.get(reverse("admin:index")).content.decode()
    listed = op.get("/admin/tenants/fusebituser/?state__exact=blocked&error_code=grants")

    assert "grants</a>" in page
    assert causes.CATALOGUE["grants"].operator.split(",")[0] in page
    assert "holds back: clock" in page
    assert "run <code>manage.py import_client</code>" in page
    assert [row.subject for row in listed.context["cl"].queryset] == ["local|ada"]


def test_trying_all_alike_names_what_it_touches_and_is_audited(op: Client, cast: Cast) -> None:
    FusebitUser.objects.update(state=State.BLOCKED, error_code="grants")
    FusebitUser.objects.filter(user=cast.cy).update(error_code="clock")
    url = reverse("admin:tenants_fusebituser_alike", args=["grants"])

    asked = op.get(url).content.decode()
    before = FusebitUser.objects.filter(state=State.BLOCKED).count()
    answer = op.post(url, {"confirmed": "yes"})

    assert "Users in trouble for grants: 1." in asked
    assert "local|ada" in asked
    assert before == 2
    assert answer.status_code == 302
    assert [row.subject for row in FusebitUser.objects.filter(state=State.BLOCKED)] == ["local|cy"]
    event = AuditEvent.objects.get(action="provisioning.retried_alike")
    assert (event.actor, event.detail["cause"], event.detail["rows"]) == (cast.op, "grants", 1)


def test_selected_rows_are_tried_again(op: Client, cast: Cast) -> None:
    row = FusebitUser.objects.get(user=cast.ada)
    FusebitUser.objects.filter(pk=row.pk).update(state=State.BLOCKED, error_code="grants")

    op.post(reverse("admin:tenants_fusebituser_changelist"), {"action": "try_again", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.PENDING, 0)


def test_suspending_asks_first_takes_access_away_and_resuming_gives_it_back(op: Client, cast: Cast) -> None:
    url, chosen = reverse("admin:tenants_tenant_changelist"), [str(cast.tenant.pk)]

    asked = op.post(url, {"action": "suspend", "_selected_action": chosen})
    cast.tenant.refresh_from_db()
    untouched = cast.tenant.suspended_at
    op.post(url, {"action": "suspend", "_selected_action": chosen, "confirmed": "Suspend"})
    cast.tenant.refresh_from_db()
    suspended = cast.tenant.suspended_at
    policy = BoundaryPolicy.objects.get(tenant=cast.tenant)
    op.post(url, {"action": "resume", "_selected_action": chosen, "confirmed": "Resume"})
    cast.tenant.refresh_from_db()

    people = cast.tenant.memberships.count()
    assert f"Tenants: 1. People who lose access at Fusebit: {people}." in asked.content.decode()
    assert untouched is None
    assert suspended is not None
    assert policy.suspended
    assert cast.tenant.suspended_at is None
    actions = list(cast.tenant.audit_events.order_by("number").values_list("action", flat=True))
    assert actions[-2:] == ["tenant.suspended", "tenant.resumed"]


def test_a_comparison_is_asked_for_shown_and_applied_when_that_is_confirmed(op: Client, cast: Cast) -> None:
    op.post(reverse("admin:tenants_comparison_ask"))
    plan = Comparison.objects.get()
    line = {"verb": "create", "subject": "local|ada", "fusebit_user": "", "detail": "not made so far"}
    Comparison.objects.update(finished_at=timezone.now(), lines=[line], counts={"create": 1})

    shown = op.get(reverse("admin:tenants_comparison_change", args=[plan.pk])).content.decode()
    question = op.get(reverse("admin:tenants_comparison_apply", args=[plan.pk])).content.decode()
    op.post(reverse("admin:tenants_comparison_apply", args=[plan.pk]))

    assert not plan.applied
    assert "not made so far" in shown
    assert "Apply…" in shown
    assert "It was so: 1 create." in question
    assert Comparison.objects.filter(applied=True, actor=cast.op).count() == 1
    assert AuditEvent.objects.filter(actor=cast.op, action__startswith="reconcile.").count() == 2


def test_the_ledger_shows_what_was_said_without_secrets_and_cannot_be_changed(op: Client, cast: Cast) -> None:
    event = ProvisioningEvent.objects.create(
        tenant=cast.tenant,
        step="access",
        subject="local|ada",
        outcome="created",
        exchanges=[{"request": "POST /user", "answer": "{}", "status": 200, "reference_id": "r1", "duration_ms": 3}],
    )

    page = op.get(reverse("admin:tenants_provisioningevent_change", args=[event.pk])).content.decode()

    assert "POST /user" in page
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ProvisioningEvent.objects.filter(pk=event.pk).update(outcome="something else")
