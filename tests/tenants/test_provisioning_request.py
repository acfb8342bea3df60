"""Signing in writes down what should be true, once, however often and from wherever it is asked."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import connections
from django.test import RequestFactory
from social_django.models import UserSocialAuth

from tenants.models import AuditEvent, FusebitUser, Membership, Role, State, Tenant
from tenants.services import provisioning
from tests.cast import founded, person


@pytest.mark.django_db
def test_a_first_sign_in_makes_a_tenant_a_membership_and_a_wanted_fusebit_user() -> None:
    ada = person("ada")

    tenant = founded(ada)

    row = FusebitUser.objects.get(user=ada)
    assert (row.state, row.subject) == (State.PENDING, "local|ada")
    assert row.next_attempt_at is not None
    assert Membership.objects.get(tenant=tenant, user=ada).role == Role.OWNER
    assert AuditEvent.objects.get(tenant=tenant).action == "tenant.created"


@pytest.mark.django_db
def test_boundary_ids_are_random_and_of_the_contracts_shape() -> None:
    first, second = founded(person("ada")), founded(person("ada2"))

    assert re.fullmatch(r"b-[a-z2-7]{16}", first.boundary_id)
    assert first.boundary_id != second.boundary_id


@pytest.mark.django_db
def test_asking_again_changes_nothing() -> None:
    ada = person("ada")

    assert founded(ada) == founded(ada)
    assert Tenant.objects.count() == FusebitUser.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_fifty_requests_at_once_make_one_tenant_and_one_fusebit_user() -> None:
    ada = person("ada")

    def ask(_: int) -> str:
        try:
            return str(founded(User.objects.get(pk=ada.pk)).pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        tenants = set(pool.map(ask, range(50)))

    assert len(tenants) == 1
    assert Tenant.objects.count() == Membership.objects.count() == FusebitUser.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_signal_provisions_a_person_who_came_through_a_provider() -> None:
    ada = person("ada")
    ada.social_user = ada.social_auth.get()  # type: ignore[attr-defined]

    user_logged_in.send(sender=User, request=RequestFactory().get("/"), user=ada)

    assert Tenant.objects.filter(members=ada).exists()


@pytest.mark.django_db(transaction=True)
def test_a_password_sign_in_makes_no_tenant() -> None:
    op = User.objects.create(username="op", is_staff=True)

    user_logged_in.send(sender=User, request=RequestFactory().get("/"), user=op)

    assert not Tenant.objects.exists()


@pytest.mark.django_db
def test_a_sign_in_that_was_cut_off_before_provisioning_is_healed_by_the_worker() -> None:
    ada = person("ada")

    assert provisioning.heal() == 1
    assert provisioning.heal() == 0
    assert Tenant.objects.get(members=ada)


@pytest.mark.django_db
def test_people_with_the_same_address_have_tenants_of_their_own() -> None:
    ada = person("ada")
    other = User.objects.create(username="github|7", email=ada.email)
    UserSocialAuth.objects.create(user=other, provider="github", uid="7")

    assert founded(ada) != founded(other)
