"""Contract 2.4: the server's own keys are replaced in time, and what they signed stays good until it expires."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from fusebit_platform import authentication, generation
from fusebit_platform.errors import Unauthorized
from fusebit_platform.models import SystemKey
from fusebit_platform.services import system_tokens

pytestmark = pytest.mark.django_db(databases=["platform", "default"])
ACCOUNT = f"acc-{'0' * 16}"
PERMISSIONS = {"allow": [{"action": "function:get", "resource": "/account/x/"}]}


@pytest.fixture(autouse=True)
def no_key_yet():
    system_tokens._own.clear()
    yield
    system_tokens._own.clear()


def mint() -> str:
    return system_tokens.mint(subject="uri:function:x", permissions=PERMISSIONS, profile={})


def later(monkeypatch, by: timedelta) -> None:
    moment = timezone.now() + by
    monkeypatch.setattr(system_tokens, "timezone", SimpleNamespace(now=lambda: moment))


def test_a_key_signs_for_two_and_a_half_hours_and_the_next_one_follows(monkeypatch):
    first = system_tokens.current_key().kid
    later(monkeypatch, timedelta(minutes=149))
    assert system_tokens.current_key().kid == first
    later(monkeypatch, timedelta(minutes=151))
    assert system_tokens.current_key().kid != first
    assert SystemKey.objects.count() == 2


def test_every_process_has_a_key_of_its_own_and_what_both_sign_is_good():
    first = mint()
    system_tokens._own.clear()
    second = mint()
    assert [authentication.authenticate(token, ACCOUNT).agent_id for token in (first, second)] == ["system", "system"]


def test_only_the_public_half_is_stored():
    mint()
    stored = SystemKey.objects.get()
    assert {field.name for field in SystemKey._meta.fields} == {"kid", "public_key", "created_at"}
    assert stored.public_key.startswith("-----BEGIN PUBLIC KEY-----")


def test_what_an_older_key_signed_is_good_until_the_key_is_forgotten(monkeypatch):
    token = mint()
    later(monkeypatch, timedelta(minutes=151))
    system_tokens.current_key()
    caller = authentication.authenticate(token, ACCOUNT)
    assert (caller.agent_id, [s.action for s in caller.access]) == ("system", ["function:get"])
    later(monkeypatch, timedelta(hours=13))
    system_tokens.current_key()
    generation.bump(agents=True)
    with pytest.raises(Unauthorized):
        authentication.authenticate(token, ACCOUNT)


def test_a_token_of_the_server_expires_whatever_the_operator_allows():
    token = system_tokens.mint(subject="x", permissions=PERMISSIONS, profile={}, lifetime_s=-1)
    with pytest.raises(Unauthorized):
        authentication.authenticate(token, ACCOUNT)
