"""The cast: Ada owns a tenant, Dee develops in it, Ben views it, Cy is a stranger with their own, Op operates."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from social_django.models import UserSocialAuth

from tenants.models import CallToken, Function, FusebitUser, Membership, Role, Tenant
from tenants.services import functions, provisioning, starters


def person(name: str) -> User:
    """A person who has signed in through the local provider."""
    user = User.objects.create(username=f"local|{name}", first_name=name.title(), email=f"{name}@example.com")
    UserSocialAuth.objects.create(user=user, provider="local", uid=name)
    return user


def founded(user: User) -> Tenant:
    """The tenant that the person's first sign-in makes."""
    return provisioning.request(user=user, social=user.social_auth.get())


@dataclass
class Cast:
    """Who is who."""

    ada: User
    ben: User
    cy: User
    op: User
    tenant: Tenant
    hello: Function
    dee: User


def assemble() -> Cast:
    """Make the people, Ada's tenant with a viewer and a developer, and a function that is not deployed."""
    ada, ben, cy, dee = person("ada"), person("ben"), person("cy"), person("dee")
    op = User.objects.create(username="op", is_staff=True, is_superuser=True, email="op@example.com")
    tenant = founded(ada)
    founded(cy)
    Membership.objects.create(tenant=tenant, user=ben, role=Role.VIEWER)
    Membership.objects.create(tenant=tenant, user=dee, role=Role.DEVELOPER)
    hello = functions.create(tenant=tenant, name="hello", starter=starters.hello("Ada"), author=ada)
    return Cast(ada, ben, cy, op, tenant, hello, dee)


def a_member(cast: Cast) -> int:
    """The id of one more member of Ada's tenant, a viewer."""
    number = cast.tenant.memberships.count()
    return Membership.objects.create(tenant=cast.tenant, user=person(f"eve{number}"), role=Role.VIEWER).pk


def a_call_token(cast: Cast) -> object:
    """The id of a token that can call hello."""
    number = CallToken.objects.count()
    user = FusebitUser.objects.create(subject=f"call|{number}", remote_user_id=f"usr-{number}")
    tomorrow = timezone.now() + timedelta(days=1)
    return CallToken.objects.create(function=cast.hello, fusebit_user=user, name="Shop", expires_at=tomorrow).pk


def a_case(cast: Cast) -> object:
    """The id of a request that is kept with Ada's function."""
    case, _ = cast.hello.cases.get_or_create(name="Plain", defaults={"request": {"method": "GET", "path": "/"}})
    return case.pk


def a_run(cast: Cast) -> object:
    """The id of a call of Ada's function, the same one however often it is asked for."""
    return cast.hello.runs.get_or_create(tenant=cast.tenant, function_name="hello", method="GET")[0].pk
