"""What is said to be live is asked from Fusebit, and a change from elsewhere is seen and can be kept."""

import pytest

from tenants.models import Function, Tenant
from tenants.services import functions, live
from tests.fusebit_process import EmbeddedFusebit

pytestmark = [pytest.mark.django_db, pytest.mark.processes]
CODE = "module.exports = async (ctx) => ({ body: 1 });\n"


def fresh(tenant: Tenant) -> Function:
    """The tenant's function with what is deployed now."""
    return Function.objects.select_related("tenant", "deployment__live_version").get(tenant=tenant, deleted_at=None)


def observed(tenant: Tenant) -> live.Observation:
    """What Fusebit says of it."""
    return live.observe(function=fresh(tenant), person=tenant.members.get())


def test_a_version_with_every_setting_is_confirmed(ada_at_home: Tenant) -> None:
    hello, ada = fresh(ada_at_home), ada_at_home.members.get()
    change = functions.Change(
        files={"index.js": CODE, "lib/a.js": "1;\n", "package.json": "{}"},
        configuration={"B": "2", "A": "1"},
        compute={"memorySize": 256},
        schedule={"cron": "0 9 * * *", "timezone": "Europe/Berlin"},
        routes=[{"path": "/hook", "security": {"authentication": "none"}}],
    )
    version = functions.save(function=hello, change=change, base_version=1, author=ada)
    row = functions.deploy(function=hello, version=version, author=ada)

    assert row.last_error == ""
    assert observed(ada_at_home).kind == live.SAME


def test_a_change_from_elsewhere_is_seen_and_can_be_kept(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    path = f"{embedded.boundary(ada_at_home.boundary_id)}/function/hello"
    assert embedded.request("PUT", path, json={"nodejs": {"files": {"index.js": CODE}}}).status_code == 200

    seen = observed(ada_at_home)
    kept = live.adopt(function=fresh(ada_at_home), author=ada_at_home.members.get())

    assert (seen.kind, seen.snapshot.files if seen.snapshot else None) == (live.DIFFERENT, {"index.js": CODE})
    assert (kept.number, kept.files, kept.security) == (2, {"index.js": CODE}, {})
    assert observed(ada_at_home).kind == live.SAME


def test_a_function_that_was_deleted_elsewhere_is_missing(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    path = f"{embedded.boundary(ada_at_home.boundary_id)}/function/hello"
    assert embedded.request("DELETE", path).status_code == 204

    assert observed(ada_at_home).kind == live.MISSING
