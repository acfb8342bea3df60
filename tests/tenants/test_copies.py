"""A replay on a version that is not live leaves nothing behind, even where the site dies in the middle of it."""

import os
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from tenants.models import Copy, Function, ProvisioningEvent, Run, Tenant
from tenants.services import copies, functions, invocations, offboarding, replays
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.conftest import work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
FIRST = "module.exports = async (ctx) => ({ body: 1 });\n"


def names(embedded: EmbeddedFusebit, tenant: Tenant) -> list[str]:
    """What Fusebit has in the tenant's boundary."""
    listed = embedded.request("GET", f"{embedded.boundary(tenant.boundary_id)}/function").json()["items"]
    return sorted(entry["functionId"] for entry in listed)


@pytest.fixture
def called(ada_at_home: Tenant) -> Run:
    """A call of the live version whose request is kept; v2 is saved and not live."""
    hello, ada = ada_at_home.functions.get(), ada_at_home.members.get()
    run = invocations.run(function=hello, actor=ada, call=invocations.Call(), from_panel=True).run
    change = functions.Change(files={"index.js": FIRST})
    functions.save(function=hello, change=change, base_version=1, author=ada)
    return run


def fresh(tenant: Tenant) -> Function:
    """The function with what is deployed."""
    return Function.objects.select_related("tenant", "deployment__live_version").get(tenant=tenant)


def replay_and_die(run: Run, tenant: Tenant) -> int:
    """Replay in a process of its own that ends, as by kill -9, when the copy is there; return its exit code."""
    connections.close_all()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        invocations.run_at = lambda **_: os._exit(9)  # type: ignore[assignment]
        hello = fresh(tenant)
        replays.replay(runs=[run], function=hello, version=hello.latest, actor=tenant.members.get())
    finally:
        os._exit(1)  # it never comes to this


def test_what_a_killed_replay_leaves_over_is_removed_later(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, called: Run
) -> None:
    assert replay_and_die(called, ada_at_home) == 9

    (left,) = Copy.objects.all()
    assert names(embedded, ada_at_home) == ["hello", left.name]
    assert copies.sweep() == 0  # somebody might still be using it
    Copy.objects.update(left_over_at=timezone.now() - timedelta(seconds=1))
    assert copies.sweep() == 1
    assert names(embedded, ada_at_home) == ["hello"]
    assert (Copy.objects.count(), copies.sweep()) == (0, 0)
    assert ProvisioningEvent.objects.filter(subject=left.name, outcome="left-over copy removed").exists()


def test_a_copy_that_fusebit_has_lost_already_is_forgotten(ada_at_home: Tenant) -> None:
    Copy.objects.create(tenant=ada_at_home, name="replay-v2-gone-hello", left_over_at=timezone.now())

    assert (copies.sweep(), Copy.objects.count()) == (1, 0)


def test_a_copy_is_tried_again_later_while_fusebit_is_away(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, called: Run
) -> None:
    replay_and_die(called, ada_at_home)
    Copy.objects.update(left_over_at=timezone.now() - timedelta(seconds=1))
    embedded.stop()
    try:
        assert copies.sweep() == 0
    finally:
        embedded.start()

    assert Copy.objects.get().left_over_at > timezone.now()
    Copy.objects.update(left_over_at=timezone.now() - timedelta(seconds=1))
    assert copies.sweep() == 1


def test_a_copy_of_a_tenant_that_ended_goes_although_it_has_no_member_to_sign(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, called: Run
) -> None:
    replay_and_die(called, ada_at_home)
    op = User.objects.create_superuser("op")

    offboarding.end(tenant=ada_at_home, actor=op)
    work()

    assert copies.sweep() == 1
    assert not ada_at_home.memberships.exists()
    assert names(embedded, ada_at_home) == []


def test_two_replays_of_one_version_have_a_copy_each_and_no_function_of_the_tenant_is_touched(
    embedded: EmbeddedFusebit, ada_at_home: Tenant, called: Run
) -> None:
    path = f"{embedded.boundary(ada_at_home.boundary_id)}/function/replay-v2-hello"
    assert embedded.request("PUT", path, json={"nodejs": {"files": {"index.js": FIRST}}}).status_code == 200
    hello, ada = fresh(ada_at_home), ada_at_home.members.get()

    (done,) = replays.replay(runs=[called], function=hello, version=hello.latest, actor=ada)

    assert done.run is not None
    assert (done.run.status, done.run.version_number) == (200, 2)
    assert names(embedded, ada_at_home) == ["hello", "replay-v2-hello"]
    assert Copy.objects.count() == 0
