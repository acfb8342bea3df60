"""Many people at the same moment: each of these ends as if they had come one after the other."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections, connections
from django.utils import timezone

from tenants.errors import InvitationGone, LastOwner, QuotaReached, Repeated
from tenants.models import Allowance, Function, Invitation, Membership, Role
from tenants.services import (
    allowances,
    audit,
    configuration,
    functions,
    members,
    repetitions,
    secrets,
    starters,
)
from tests.cast import Cast, assemble, person

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast, in rows that every thread sees."""
    return assemble()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do everything at the same moment, each on a connection of its own; return what came of each."""
    results: list[Any] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def do(number: int, act: Callable[[], Any]) -> None:
        close_old_connections()
        barrier.wait()
        try:
            results[number] = act()
        except Exception as error:  # noqa: BLE001 (what came of it is what the test is about)
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_owners_cannot_both_leave(cast: Cast) -> None:
    members.change_role(
        membership=Membership.objects.get(tenant=cast.tenant, user=cast.dee), role="owner", actor=cast.ada
    )
    owners = list(Membership.objects.filter(tenant=cast.tenant, role=Role.OWNER))

    results = at_once(*(lambda row=row: members.remove(membership=row, actor=row.user) for row in owners))

    assert sum(isinstance(result, LastOwner) for result in results) == 1
    assert Membership.objects.filter(tenant=cast.tenant, role=Role.OWNER).count() == 1


def test_a_link_lets_one_person_in_however_many_follow_it_at_once(cast: Cast) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)
    people = [person(f"guest{number}") for number in range(AT_ONCE)]

    results = at_once(*(lambda user=user: members.accept(secret=secret, user=user) for user in people))

    assert sum(isinstance(result, Membership) for result in results) == 1
    assert sum(isinstance(result, InvitationGone) for result in results) == AT_ONCE - 1
    assert Membership.objects.filter(tenant=cast.tenant, user__in=people).count() == 1
    assert Invitation.objects.get().used_by in people


def test_secrets_that_are_set_at_the_same_time_are_all_kept(cast: Cast) -> None:
    def set_one(number: int) -> Any:
        function = Function.objects.select_related("tenant").get(pk=cast.hello.pk)
        return configuration.patch(function=function, author=cast.ada, secret={f"NAME_{number}": f"value {number}"})

    results = at_once(*(lambda number=number: set_one(number) for number in range(3)))

    assert not [result for result in results if isinstance(result, Exception)]
    assert secrets.of_version(cast.hello.latest) == {f"NAME_{number}": f"value {number}" for number in range(3)}


def test_the_audit_trail_has_no_gap_and_no_twin(cast: Cast) -> None:
    results = at_once(
        *(
            lambda number=number: audit.record(action=f"act.{number}", tenant=cast.tenant, actor=cast.ada)
            for number in range(AT_ONCE)
        )
    )

    assert not [result for result in results if isinstance(result, Exception)]
    assert audit.verify() == []


def test_a_workspace_is_never_fuller_than_it_may_be(cast: Cast, settings: Any) -> None:
    settings.MAX_FUNCTIONS_PER_TENANT = 3.0
    made = [
        lambda number=number: functions.create(
            tenant=cast.tenant, name=f"f{number}", starter=starters.blank(), author=cast.ada
        )
        for number in range(AT_ONCE)
    ]

    results = at_once(*made)

    assert sum(isinstance(result, QuotaReached) for result in results) == AT_ONCE - 2
    assert Function.objects.filter(tenant=cast.tenant).count() == 3


def in_a_process(used: int, limit: int) -> int:
    """Use so many of a rate in a process of its own; return its id; it ends with how many were let through."""
    child = os.fork()
    if child:
        return child
    let_through = 255
    try:
        allowances.forget()
        taken = [allowances.take(who="somebody", what="calls", limit=limit, seconds=600) for _ in range(used)]
        let_through = taken.count(0.0)
        connections.close_all()
    finally:
        os._exit(let_through)


def test_a_rate_holds_for_all_processes_of_the_site_together(transactional_db: None) -> None:
    allowances.forget()
    connections.close_all()
    children = [in_a_process(90, 100) for _ in range(3)]

    let_through = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert 88 <= sum(let_through) <= 100  # a process that has ended may have held four back
    assert allowances.take(who="somebody", what="calls", limit=100, seconds=600) > 0
    assert allowances.take(who="somebody else", what="calls", limit=100, seconds=600) == 0


def test_a_rate_begins_again_when_its_time_is_over(transactional_db: None) -> None:
    def take() -> float:
        allowances.forget()
        return allowances.take(who="somebody", what="calls", limit=1, seconds=60)

    assert take() == 0
    assert 59 < take() <= 60
    Allowance.objects.update(since=timezone.now() - timedelta(seconds=61))
    assert take() == 0


def test_a_key_that_comes_twice_at_once_is_at_work_once(cast: Cast) -> None:
    results = at_once(
        *(
            lambda: repetitions.begin(user=cast.ada, tenant=cast.tenant, key="k", fingerprint="f")
            for _ in range(AT_ONCE)
        )
    )

    assert sum(isinstance(result, Repeated) for result in results) == AT_ONCE - 1
