"""`doctor`, `reconcile`, readiness and metrics say what is so, and exit accordingly."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from tenants.models import Comparison, FusebitUser, State
from tenants.services import drift, metrics, pulse
from tenants.services.work import Worker
from tests.cast import Cast, founded, person
from tests.fusebit_process import EmbeddedFusebit


def said(command: str, *arguments: str) -> tuple[str, int]:
    """What a command prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


def work() -> None:
    for _ in range(4):
        FusebitUser.objects.exclude(next_attempt_at=None).make_due()
        Worker().run_once()


@pytest.mark.django_db
@pytest.mark.processes
def test_doctor_finds_everything_in_order_and_names_what_the_client_may_not(
    embedded: EmbeddedFusebit, tmp_path: Path
) -> None:
    founded(person("ada"))
    work()
    drift.compare(apply=False)
    pulse.beat(holding_back="")
    private = tmp_path / "private"
    private.write_text("x")
    private.chmod(0o600)

    with override_settings(SECRET_FILES={"SECRET_KEY_FILE": str(private)}):
        text, code = said("doctor")

    assert code == 0, text
    assert "ok    client: clt-" in text or "warn  client: clt-" in text
    assert re.search(r"ok    issuer: .*our own issuer; Fusebit has our key", text)
    assert "ok    worker: 1 alive." in text
    assert "ok    comparison:" in text


@pytest.mark.django_db
@pytest.mark.processes
def test_doctor_fails_for_an_open_key_file_a_dead_worker_and_a_row_that_nobody_comes_for(
    embedded: EmbeddedFusebit, tmp_path: Path
) -> None:
    founded(person("ada"))
    FusebitUser.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=10))
    open_file = tmp_path / "open"
    open_file.write_text("x")
    open_file.chmod(0o644)

    with override_settings(SECRET_FILES={"SECRET_KEY_FILE": str(open_file)}):
        text, code = said("doctor")

    assert code == 1
    assert f"chmod 600 {open_file}" in text
    assert "FAIL  worker: No worker was alive" in text
    assert "FAIL  queue: The oldest row that is due waits for 6" in text


@pytest.mark.django_db
def test_doctor_says_what_to_run_before_a_client_was_imported() -> None:
    text, code = said("doctor")

    assert code == 1
    assert "import_client" in text


@pytest.mark.django_db
@pytest.mark.processes
def test_reconcile_prints_a_plan_applies_it_and_exits_honestly(embedded: EmbeddedFusebit) -> None:
    for name in ("ada", "ben", "cy"):
        founded(person(name))
    work()
    ada, ben, cy = (FusebitUser.objects.get(subject=f"local|{name}") for name in ("ada", "ben", "cy"))
    embedded.request("DELETE", f"{embedded.account}/user/{ada.remote_user_id}")
    broad = {"access": {"allow": [{"action": "*", "resource": "/"}]}}
    embedded.request("PATCH", f"{embedded.account}/user/{ben.remote_user_id}", json=broad)
    assert cy.user is not None
    cy.user.delete()
    stray = {"identities": [{"issuerId": ada.issuer_id, "subject": "local|stray"}]}
    embedded.request("POST", f"{embedded.account}/user", json=stray)
    FusebitUser.objects.filter(pk=cy.pk).want(State.DELETING, absent=True)

    planned, planned_code = said("reconcile", "--dry-run")
    applied, applied_code = said("reconcile")
    again, again_code = said("reconcile", "--dry-run")

    assert planned_code == 1
    verbs = sorted(line.split()[0] for line in planned.splitlines()[1:])
    assert verbs == ["create", "delete", "orphan", "update"]
    assert "Left: 0 create, 0 update, 0 delete, 1 orphan, 0 foreign" in applied
    assert (applied_code, again_code) == (1, 1)  # the orphan stays until somebody decides
    assert [line.split()[:2] for line in again.splitlines()[1:]] == [["orphan", "local|stray"]]
    cy.refresh_from_db()
    assert cy.state == State.DELETED
    assert Comparison.objects.filter(applied=True).count() == 1


@pytest.mark.django_db
def test_reconcile_exits_with_two_when_fusebit_cannot_be_asked() -> None:
    assert said("reconcile", "--dry-run")[1] == 2


@pytest.mark.django_db
def test_metrics_are_for_operators_and_whoever_knows_the_token(cast: Cast) -> None:
    stranger, operator = Client(), Client()
    operator.force_login(cast.op, backend="django.contrib.auth.backends.ModelBackend")
    stranger.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")

    with override_settings(METRICS_TOKEN="only-for-monitoring"):
        assert stranger.get("/metrics").status_code == 404
        assert Client().get("/metrics").status_code == 404
        assert Client().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
        known = Client().get("/metrics", headers={"Authorization": "Bearer only-for-monitoring"})
    with override_settings(METRICS_TOKEN=""):
        assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
        assert operator.get("/metrics").status_code == 200
    assert 'onboarding_rows{kind="user",state="pending"} 2' in known.content.decode()


@pytest.mark.django_db
def test_every_family_of_metrics_has_a_type_and_only_numbers(cast: Cast) -> None:
    FusebitUser.objects.filter(user=cast.ada).update(state=State.BLOCKED, error_code="grants")

    text = metrics.text()

    assert 'onboarding_rows_in_trouble{kind="users",state="blocked",cause="grants"} 1' in text
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+', line)
