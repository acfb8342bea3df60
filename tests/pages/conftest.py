"""The cast, signed in, and functions that are live."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tenants.models import Deployment, Function, FusebitUser, State
from tests.cast import Cast, assemble

SignedIn = Callable[[User], Client]


@pytest.fixture
def cast(db: None) -> Cast:
    """Ada, Ben, Cy and Op; Ada's hello is live."""
    made = assemble()
    FusebitUser.objects.filter(user=made.ada).update(state=State.READY, observed_gen=1, remote_user_id="usr-ada")
    go_live(made.hello)
    return made


def go_live(function: Function) -> None:
    """Record that the latest version of `function` answers."""
    latest = function.latest
    Deployment.objects.filter(function=function).update(
        version=latest,
        live_version=latest,
        state=State.READY,
        observed_gen=1,
        desired_gen=1,
        next_attempt_at=None,
        location=f"http://localhost:3001/v1/run/sub-1/{function.tenant.boundary_id}/{function.name}",
    )


@pytest.fixture
def signed_in() -> SignedIn:
    """A browser in which somebody is signed in; it checks CSRF as real ones are checked."""

    def browser(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser


@pytest.fixture
def ada(cast: Cast, signed_in: SignedIn) -> Client:
    """Ada's browser."""
    return signed_in(cast.ada)


@pytest.fixture
def home_of(cast: Cast) -> str:
    """The path of Ada's workspace."""
    return f"/t/{cast.tenant.slug}/"
