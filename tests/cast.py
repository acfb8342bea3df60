"""The cast: Ada owns a tenant, Dee develops in it, Ben views it, Cy is a stranger with their own, Op operates."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from social_django.models import UserSocialAuth

from tenants.models import Function, Membership, Role, Tenant
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
