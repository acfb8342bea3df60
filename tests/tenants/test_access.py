"""What a person is granted is the sum of their memberships."""

import pytest

from tenants.models import Membership, Role
from tenants.services import access
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


def test_access_is_the_union_over_tenants_by_role(embedded: EmbeddedFusebit) -> None:
    ada, ben = person("ada"), person("ben")
    hers, his = founded(ada), founded(ben)
    Membership.objects.create(tenant=hers, user=ben, role=Role.VIEWER)

    granted = {(statement.action, statement.resource) for statement in access.desired(ben)}

    own, shared = (f"{embedded.boundary(tenant.boundary_id)}/" for tenant in (his, hers))
    assert granted == {
        ("function:*", own),
        ("function:get", shared),
        ("function:get-log", shared),
        ("function:execute", shared),
    }


def test_an_owner_and_a_developer_are_granted_everything_on_functions(embedded: EmbeddedFusebit) -> None:
    ada = person("ada")
    membership = Membership.objects.get(tenant=founded(ada), user=ada)

    for role in (Role.OWNER, Role.DEVELOPER):
        membership.role = role
        assert [statement.action for statement in access.of_memberships([membership])] == ["function:*"]


def test_a_closed_account_is_granted_nothing(embedded: EmbeddedFusebit) -> None:
    ada = person("ada")
    founded(ada)
    ada.is_active = False

    assert access.desired(ada) == frozenset()
