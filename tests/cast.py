"""The cast: Ada owns a tenant, Ben is a viewer of it, Cy is a stranger with one of their own, Op is an operator."""

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


def assemble() -> Cast:
    """Make the people, Ada's tenant with a viewer, and a function that is not deployed."""
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    op = User.objects.create(username="op", is_staff=True, is_superuser=True, email="op@example.com")
    tenant = founded(ada)
    founded(cy)
    Membership.objects.create(tenant=tenant, user=ben, role=Role.VIEWER)
    hello = functions.create(tenant=tenant, name="hello", starter=starters.hello("Ada"), author=ada)
    return Cast(ada, ben, cy, op, tenant, hello)
