"""The one signal receiver of the project: signing in and provisioning should not know each other."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver

from tenants.services import provisioning


@receiver(user_logged_in, dispatch_uid="tenants.provision")
def provision(*, user: User, **_signal: Any) -> None:
    """Have a person who came through a provider provisioned; a failure here must not turn the sign-in into a 500."""
    transaction.on_commit(lambda: provisioning.request_after_login(user=user), robust=True)
