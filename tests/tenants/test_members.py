"""Invitations are for one person and eight hours; roles change together here and at Fusebit; an owner stays."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tenants.errors import InvalidInput, InvitationGone, LastOwner
from tenants.models import ApiToken, AuditEvent, FusebitUser, Invitation, Membership, Role, State
from tenants.services import members, tokens
from tests.cast import Cast, person


def member(cast: Cast, user: User) -> Membership:
    return Membership.objects.get(tenant=cast.tenant, user=user)


def is_due(user: User) -> bool:
    """Tell whether the person's access at Fusebit is about to be compared afresh."""
    return FusebitUser.objects.due(timezone.now()).filter(user=user, state=State.PENDING).exists()


def test_whoever_follows_the_link_becomes_a_member_and_is_granted_it_at_fusebit(cast: Cast) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.DEVELOPER, actor=cast.ada, label="Cy")
    FusebitUser.objects.filter(user=cast.cy).update(state=State.READY, next_attempt_at=None, remote_user_id="usr-cy")

    made = members.accept(secret=secret, user=cast.cy)

    assert (made.tenant, made.role) == (cast.tenant, Role.DEVELOPER)
    assert is_due(cast.cy)
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"member.invited", "member.joined"}


def test_somebody_who_comes_for_the_first_time_gets_a_workspace_of_their_own_too(cast: Cast) -> None:
    eve = person("eve")
    _, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)

    members.accept(secret=secret, user=eve)

    assert sorted(eve.memberships.values_list("role", flat=True)) == ["owner", "viewer"]


def test_a_link_works_once(cast: Cast) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)
    members.accept(secret=secret, user=cast.cy)

    with pytest.raises(InvitationGone):
        members.accept(secret=secret, user=person("eve"))


def test_a_member_who_follows_a_link_stays_what_they_are_and_does_not_use_it_up(cast: Cast) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.OWNER, actor=cast.ada)

    assert members.accept(secret=secret, user=cast.ben).role == Role.VIEWER
    assert members.accept(secret=secret, user=cast.cy).role == Role.OWNER


@pytest.mark.parametrize("why", ["old", "withdrawn", "unknown", "lone surrogate"])
def test_a_link_that_is_no_longer_good_is_refused(cast: Cast, why: str) -> None:
    row, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)
    if why == "old":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif why == "withdrawn":
        members.withdraw(invitation=row, actor=cast.ada)
    else:
        secret = "unknown" if why == "unknown" else "\udc80"

    with pytest.raises(InvitationGone):
        members.accept(secret=secret, user=cast.cy)
    assert not members.open_invitations(cast.tenant).exists() or why in {"unknown", "lone surrogate"}


def test_a_link_lives_eight_hours_and_only_its_digest_is_kept(cast: Cast) -> None:
    row, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)

    assert timedelta(hours=7, minutes=59) < row.expires_at - timezone.now() <= timedelta(hours=8)
    assert secret not in repr(list(Invitation.objects.values()))


def test_somebody_without_an_identity_cannot_become_a_member(cast: Cast) -> None:
    _, secret = members.invite(tenant=cast.tenant, role=Role.VIEWER, actor=cast.ada)

    with pytest.raises(InvalidInput):
        members.accept(secret=secret, user=cast.op)
    assert members.open_invitations(cast.tenant).exists()


def test_an_unknown_role_is_refused(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        members.invite(tenant=cast.tenant, role="admin", actor=cast.ada)
    with pytest.raises(InvalidInput):
        members.change_role(membership=member(cast, cast.ben), role="", actor=cast.ada)


def test_a_changed_role_is_changed_at_fusebit_too(cast: Cast) -> None:
    FusebitUser.objects.create(
        user=cast.ben, subject="local|ben", state=State.READY, remote_user_id="usr-ben", next_attempt_at=None
    )

    members.change_role(membership=member(cast, cast.ben), role=Role.DEVELOPER, actor=cast.ada)

    assert member(cast, cast.ben).role == Role.DEVELOPER
    assert is_due(cast.ben)


def test_the_last_owner_can_neither_leave_nor_step_down(cast: Cast) -> None:
    mine = member(cast, cast.ada)

    for attempt in (
        lambda: members.remove(membership=mine, actor=cast.ada),
        lambda: members.change_role(membership=mine, role=Role.VIEWER, actor=cast.ada),
    ):
        with pytest.raises(LastOwner):
            attempt()
    assert member(cast, cast.ada).role == Role.OWNER


def test_ownership_is_handed_over_in_one_step(cast: Cast) -> None:
    members.transfer(membership=member(cast, cast.ada), to=member(cast, cast.ben))

    assert (member(cast, cast.ada).role, member(cast, cast.ben).role) == (Role.DEVELOPER, Role.OWNER)
    members.remove(membership=member(cast, cast.ada), actor=cast.ada)
    assert cast.ada not in cast.tenant.members.all()


def test_ownership_is_not_handed_to_somebody_of_another_tenant(cast: Cast) -> None:
    with pytest.raises(InvalidInput):
        members.transfer(membership=member(cast, cast.ada), to=cast.cy.memberships.get())


def test_whoever_is_removed_loses_their_tokens_for_the_tenant_and_their_access(cast: Cast) -> None:
    FusebitUser.objects.create(
        user=cast.ben, subject="local|ben", state=State.READY, remote_user_id="usr-ben", next_attempt_at=None
    )
    row, token = tokens.create(user=cast.ben, name="mine", tenant=cast.tenant)

    members.remove(membership=member(cast, cast.ben), actor=cast.ada)

    assert tokens.find(token) is None
    assert ApiToken.objects.get(pk=row.pk).revoked_at
    assert is_due(cast.ben)
    assert AuditEvent.objects.filter(action="member.removed", actor=cast.ada).exists()
