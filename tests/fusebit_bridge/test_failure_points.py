"""Every way in which provisioning can fail ends in the state, and with the words, that the catalogue gives it."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from fusebit_bridge import connection
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.permissions import Statement
from tenants.models import AuditEvent, FusebitUser, ProvisioningEvent, State
from tenants.services import causes, provisioning, reconciliation, remote_users
from tenants.services.breaker import Breaker
from tests.cast import founded, person
from tests.fusebit_bridge.account import CLIENT, SmallAccount
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION
from tests.fusebit_bridge.wire import Seen, Wire, reset, say

OURS = "onboarding-00112233445566dd"

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(wire: Wire, key: PrivateKey, profile: Callable[..., str], tmp_path: Path) -> SmallAccount:
    """A Fusebit with our client imported."""
    made = SmallAccount(wire, key.public_pem)
    made.access.add(Statement("issuer:*", f"/account/{ACCOUNT}/issuer/{OURS}/"))
    file = tmp_path / "client.json"
    file.touch(0o600)
    file.write_text(profile(baseUrl=wire.url, pki__audience=wire.url))
    call_command("import_client", str(file), "--tenant-issuer", OURS)
    return made


@pytest.fixture
def row(account: SmallAccount) -> FusebitUser:
    """Ada's user, wanted and not there so far."""
    founded(person("ada"))
    return FusebitUser.objects.get()


def step(row: FusebitUser, times: int = 1) -> FusebitUser:
    for _ in range(times):
        row = remote_users.advance(row=row)
    return row


def add(account: SmallAccount, *entries: dict[str, str], subject: str = "local|ada", user_id: str = "usr-1234") -> None:
    """Somebody else's user with that identity."""
    user_id = f"usr-{user_id.removeprefix('usr-'):0>16}"
    identities = [{"issuerId": OURS, "subject": subject}]
    account.users[user_id] = {"id": user_id, "identities": identities, "access": {"allow": list(entries)}}


def blocked(row: FusebitUser, code: str) -> None:
    """The row waits for a person, who gets words, and the operator the same reference."""
    assert (row.state, row.error_code) == (State.BLOCKED, code)
    assert row.last_error == causes.CATALOGUE[code].person
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now() + timedelta(minutes=50)
    event = ProvisioningEvent.objects.filter(cause=code).latest("pk")
    assert (event.reference_id, event.state) == (row.reference_id, State.BLOCKED)


EVERYTHING = {"action": "*", "resource": "/"}


def test_an_identity_that_somebody_else_s_user_holds_is_blocked_and_not_touched(
    row: FusebitUser, account: SmallAccount
) -> None:
    add(account, EVERYTHING)

    row = step(row, 2)

    blocked(row, "foreign_owner")
    assert [write.method for write in account.writes() if "/user" in write.target] == ["POST"]  # refused: taken
    assert account.users["usr-0000000000001234"]["access"] == {"allow": [EVERYTHING]}


def test_an_identity_of_a_client_is_blocked(row: FusebitUser, account: SmallAccount) -> None:
    account.taken_by_a_client.add((OURS, "local|ada"))

    blocked(step(row), "foreign_owner")


def test_our_own_user_from_before_a_crash_is_adopted_without_a_second_one(
    row: FusebitUser, account: SmallAccount
) -> None:
    add(account)

    row = step(row, 2)

    assert (row.state, row.remote_user_id) == (State.READY, "usr-0000000000001234")
    assert len(account.users) == 1


def test_a_permission_that_the_client_lacks_is_named_exactly(row: FusebitUser, account: SmallAccount) -> None:
    account.access = {statement for statement in account.access if statement.action != "function:*"}

    row = step(row)

    blocked(row, "grants")
    tenant = row.user.memberships.get().tenant  # type: ignore[union-attr]
    boundary = f"/account/{ACCOUNT}/subscription/{SUBSCRIPTION}/boundary/{tenant.boundary_id}/"
    assert f"{CLIENT} lacks function:* on {boundary}" in ProvisioningEvent.objects.latest("pk").detail


def test_a_client_that_fusebit_does_not_know_any_more_is_blocked_and_tried_again_after_an_import(
    row: FusebitUser, account: SmallAccount, other_pem: str, key: PrivateKey
) -> None:
    known, account.public_pem = account.public_pem, PrivateKey(other_pem, key_id="x", algorithm="RS256").public_pem
    row = step(row)
    blocked(row, "credentials")

    account.public_pem = known
    connection.imported().save()  # as an import does
    provisioning.heal()

    assert step(FusebitUser.objects.due(timezone.now()).get()).state == State.READY


def test_a_clock_that_is_minutes_away_is_named_as_the_cause(row: FusebitUser, account: SmallAccount) -> None:
    late = formatdate(timezone.now().timestamp() + 600, usegmt=True)
    account.wire.answer = say(403, {"message": "Unauthorized"}, {"Date": late})

    def dated(handler: Any, seen: Seen) -> None:
        handler.date_time_string = lambda *_: late
        say(403, {"message": "Unauthorized"})(handler, seen)

    account.wire.answer = dated

    blocked(step(row), "clock")
    assert (
        "600 s" in ProvisioningEvent.objects.latest("pk").detail
        or "599 s" in ProvisioningEvent.objects.latest("pk").detail
    )


def test_tokens_are_written_in_fusebit_s_time_as_far_as_a_minute(account: SmallAccount) -> None:
    requestor = connection.requestor(account.wire.url)

    for skew, written in ((30.0, 30.0), (600.0, 60.0), (-600.0, -60.0)):
        requestor.skew_s = skew
        assert abs(requestor.now() - timezone.now().timestamp() - written) < 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (say(200, raw=b"<html>welcome</html>"), "unexpected_answer"),
        (say(302, None, {"Location": "http://elsewhere.example.com/"}), "unexpected_answer"),
        (say(200, raw=b"[" * 100_000), "unexpected_answer"),
        (say(200, raw=b"x" * 2_000_000), "unexpected_answer"),
        (say(503, {"message": "later"}), "failed"),
        (say(429, {"message": "slower"}, {"Retry-After": "7"}), "busy"),
        (reset, "unreachable"),
    ],
)
def test_what_passes_by_itself_is_tried_again(row: FusebitUser, account: SmallAccount, answer: Any, code: str) -> None:
    account.wire.answer = answer

    row = step(row)

    assert (row.state, row.error_code) == (State.RETRY, code)
    assert row.last_error == causes.CATALOGUE[code].person
    assert row.next_attempt_at is not None
    if code == "busy":
        assert row.next_attempt_at > timezone.now() + timedelta(seconds=6)
    account.wire.answer = account.answer
    assert step(row).state == State.READY


def test_after_a_day_a_row_is_left_to_a_person_and_still_looked_at(row: FusebitUser, account: SmallAccount) -> None:
    account.wire.answer = reset
    FusebitUser.objects.update(first_failed_at=timezone.now() - timedelta(hours=25), state=State.RETRY, error_code="x")

    blocked(step(row), "unreachable")
    account.wire.answer = account.answer
    assert step(row).state == State.READY


def test_a_late_result_of_a_worker_that_was_overtaken_is_dropped(row: FusebitUser, account: SmallAccount) -> None:
    claimed = reconciliation.claim(row)
    assert claimed is not None
    FusebitUser.objects.filter(pk=row.pk).release({claimed[0].lease_owner})  # the worker is taken for dead

    second = step(row)
    late = reconciliation.record(row, claimed[1], **reconciliation.settled(claimed[1], remote_user_id="usr-late"))

    assert not late
    row.refresh_from_db()
    assert row.remote_user_id == second.remote_user_id


def test_broadened_access_is_taken_back_and_raises_one_alarm(row: FusebitUser, account: SmallAccount) -> None:
    row = step(row)
    user = account.users[row.remote_user_id]
    wanted = list(user["access"]["allow"])
    user["access"] = {"allow": [*wanted, EVERYTHING]}

    row = step(row, 2)

    assert row.state == State.READY
    assert account.users[row.remote_user_id]["access"]["allow"] == wanted
    alarm = AuditEvent.objects.get(action="security.access_broadened")
    assert alarm.detail["found"] == [EVERYTHING]


def test_narrowed_access_is_given_back_without_an_alarm(row: FusebitUser, account: SmallAccount) -> None:
    row = step(row)
    account.users[row.remote_user_id]["access"] = {"allow": []}

    assert step(row).state == State.READY
    assert account.users[row.remote_user_id]["access"]["allow"]
    assert not AuditEvent.objects.filter(action__startswith="security.").exists()


def test_somebody_s_own_identity_on_our_user_is_an_alarm_too(row: FusebitUser, account: SmallAccount) -> None:
    row = step(row)
    account.users[row.remote_user_id]["identities"].append({"issuerId": "evil", "subject": "eve"})

    step(row)

    assert account.users[row.remote_user_id]["identities"] == [{"issuerId": OURS, "subject": "local|ada"}]
    assert AuditEvent.objects.filter(action="security.identity_added").count() == 1


def test_a_person_who_is_deleted_while_being_made_leaves_nothing_behind(
    row: FusebitUser, account: SmallAccount
) -> None:
    account.wire.answer = reset
    step(row)  # a request that may still come through
    account.wire.answer = account.answer
    assert row.user is not None
    row.user.delete()
    provisioning.heal()
    row = step(FusebitUser.objects.get())
    first = row.state
    entry = row.asked[0]
    add(account, entry)  # it did
    FusebitUser.objects.update(absent_since=timezone.now() - timedelta(seconds=61))

    row = step(row)

    assert first == State.DELETING
    assert account.users == {}
    assert row.state == State.DELETED


def test_whoever_comes_back_gets_their_row_back(row: FusebitUser, account: SmallAccount) -> None:
    row = step(row)
    assert row.user is not None
    row.user.delete()
    provisioning.heal()
    step(FusebitUser.objects.get())

    founded(person("ada"))
    again = step(FusebitUser.objects.get())

    assert (again.pk, again.state, again.absent) == (row.pk, State.READY, False)
    assert len(account.users) == 1


def test_the_ledger_holds_what_was_said_without_names_addresses_and_tokens(
    row: FusebitUser, account: SmallAccount
) -> None:
    step(row)

    (created, verified) = ProvisioningEvent.objects.get(step="access").exchanges

    assert created["request"].startswith(f"POST /v1/account/{ACCOUNT}/user")
    assert created["status"] == 200
    assert "local|ada" in created["request"]
    assert verified["request"].startswith("GET ")
    assert not any(word in str([created, verified]) for word in ("ada@example.com", "Ada", "eyJ"))


class TestBreaker:
    """Holding back while Fusebit fails for everybody."""

    now = timezone.now()

    def made(self) -> Breaker:
        return Breaker(lambda: self.now)

    def test_five_failures_in_a_row_hold_everything_back_but_a_probe_every_five_seconds(self) -> None:
        breaker = self.made()
        for _ in range(5):
            assert breaker.admits(8) == 8
            breaker.note(causes.Trouble("failed"))

        admitted = []
        for second in range(11):
            self.now = TestBreaker.now + timedelta(seconds=second)
            admitted.append(breaker.admits(8))

        assert sum(admitted) == 2
        breaker.note(None)
        assert breaker.admits(8) == 8

    def test_one_bad_row_does_not_hold_the_others_back(self) -> None:
        breaker = self.made()
        for _ in range(20):
            breaker.note(causes.Trouble("foreign_owner"))

        assert breaker.admits(8) == 8

    def test_nothing_leaves_before_fusebit_said(self) -> None:
        breaker = self.made()
        busy = causes.Trouble("busy")
        busy.retry_after = 7
        breaker.note(busy)

        self.now = TestBreaker.now + timedelta(seconds=6.9)
        assert breaker.admits(8) == 0
        self.now = TestBreaker.now + timedelta(seconds=7.1)
        assert breaker.admits(8) == 8
