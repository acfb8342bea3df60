"""Whether the old key is still in use is asked of Fusebit too, which sees calls that did not come from this site."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from fusebit_bridge import door, tokens
from tenants.models import AuditEvent, FusebitUser, Run, Tenant
from tenants.services import keys, mirroring
from tests.fusebit_process import EmbeddedFusebit
from tests.processes import until

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


def session_of(tenant: Tenant) -> door.TenantSession:
    """A session of Ada's, which keeps signing with the key of today."""
    row = FusebitUser.objects.get(user=tenant.members.get())
    return door.tenant(row.subject, tenant.boundary_id, row.issuer_id)


def call(session: door.TenantSession) -> None:
    tokens.forget_tokens()
    assert session.execute(session.location("hello"), "hello").status == 200


def is_reported() -> bool:
    Tenant.objects.update(runs_copied_at=None)
    mirroring.round_of_all()
    return Run.objects.exclude(remote_id="").exists()


def until_switched() -> list[keys.Progress]:
    return [line for _ in range(3) for line in keys.rotate("tenant", only_next=True)]


def test_a_call_by_the_old_key_that_fusebit_reports_keeps_it(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = session_of(ada_at_home)
    until_switched()
    monkeypatch.setattr("fusebit_bridge.rotation.AFTER_SWITCH", timedelta(hours=1))
    call(old)
    until(is_reported, "the call being reported")

    waiting = keys.attempt("tenant")
    monkeypatch.setattr("fusebit_bridge.rotation.AFTER_SWITCH", timedelta(0))
    retired = keys.attempt("tenant")

    assert "Fusebit reports 1 call by the old key" in waiting.progress[-1].done
    assert waiting.progress[-1].waits
    assert retired.progress[-1].ended
    with pytest.raises(door.Refused):
        call(old)
    call(session_of(ada_at_home))


def test_a_key_that_somebody_else_may_have_is_retired_at_once(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    old, said = session_of(ada_at_home), io.StringIO()
    call(old)

    call_command("rotate_tenant_key", "--compromised", stdout=said)

    assert "Old key gone" in said.getvalue()
    with pytest.raises(door.Refused):
        call(old)
    call(session_of(ada_at_home))
    assert AuditEvent.objects.get(action="key.rotation", detail__step="retired").detail["at_once"] is True


def test_where_nothing_is_reported_by_key_the_command_says_what_is_counted(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "reports", lambda _extension: False)
    said = io.StringIO()

    with pytest.raises(CommandError):
        call_command("rotate_tenant_key", stdout=said)

    assert "only our own signatures are counted" in said.getvalue()
