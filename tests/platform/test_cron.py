"""Contract 5.8, 6.6: functions run when their schedules say so, in their time zone, each time once."""

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from fusebit_platform.models import Account, Function, Subscription
from fusebit_platform.services import cron, schedules
from fusebit_platform.services.schedules import RUNS_PER_WINDOW, Pace
from tests.platform.test_logs import Listener

CODE = """module.exports = (ctx, cb) => {
  console.log(JSON.stringify({...ctx, configuration: undefined}));
  cb(new Error('nobody sees this'));
};"""
EVERY_SECOND = {"cron": "* * * * * *"}
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def scheduled(embedded, boundary):
    permissions = {"allow": [{"action": "storage:get", "resource": "/account/x/"}]}
    specification = {
        "nodejs": {"files": {"index.js": CODE}},
        "schedule": EVERY_SECOND,
        "security": {"functionPermissions": permissions},
    }
    answer = embedded.request("PUT", embedded.f(boundary, "f"), json=specification)
    assert answer.status_code == 200, answer.text
    yield boundary
    embedded.request("DELETE", embedded.f(boundary, "f"))


def test_a_function_runs_by_its_schedule_and_its_lines_reach_listeners(embedded, scheduled):
    listener = Listener(embedded, f"{embedded.f(scheduled, 'f')}/log?token={embedded.token()}")
    listener.chunk()
    first = listener.event()
    while first["level"] != 30:
        first = listener.event()
    failure = listener.event()
    listener.close()
    ctx = json.loads(first["msg"])
    assert (first["method"], ctx["method"], ctx["query"], ctx["caller"]) == ("CRON", "CRON", {}, {})
    assert failure["msg"].startswith("Error: nobody sees this")
    assert "path" not in ctx
    assert ctx["url"] == f"/run/{embedded.subscription}/{scheduled}/f"
    assert list(ctx["headers"]) == ["fusebit-trace-id"]
    assert ctx["baseUrl"] == f"{embedded.base_url}{embedded.run_path(scheduled, 'f')}"
    job = ctx["body"]
    assert list(job) == [
        "key",
        "accountId",
        "subscriptionId",
        "boundaryId",
        "functionId",
        "cron",
        "timezone",
    ]
    assert (job["accountId"], job["functionId"], job["cron"], job["timezone"]) == (
        embedded.account,
        "f",
        "* * * * * *",
        "UTC",
    )
    assert "callerAccessToken" not in ctx["fusebit"]
    assert ctx["fusebit"]["functionAccessToken"] == "[token]"  # which is what becomes of one that is printed


def test_a_schedule_is_kept_as_it_was_given_and_the_function_answers_calls_all_the_same(embedded, scheduled):
    assert embedded.request("GET", embedded.f(scheduled, "f")).json()["schedule"] == EVERY_SECOND
    assert embedded.request("GET", embedded.run_path(scheduled, "f")).status_code == 500


def test_a_deleted_function_does_not_run_any_more(embedded, scheduled):
    listener = Listener(embedded, f"{embedded.f(scheduled, 'f')}/log?token={embedded.token()}")
    listener.chunk()
    listener.event()
    assert embedded.request("DELETE", embedded.f(scheduled, "f")).status_code == 204
    deleted = datetime.now(ZoneInfo("UTC"))
    listener.socket.settimeout(3)
    late = []
    try:
        while True:
            late.append(listener.event())
    except TimeoutError:
        listener.close()
    grace = timedelta(seconds=1)  # what was under way may still end
    assert all(datetime.fromisoformat(event["time"]) <= deleted + grace for event in late)


def test_a_schedule_that_stays_misses_nothing_when_the_function_changes(embedded, scheduled):
    listener = Listener(embedded, f"{embedded.f(scheduled, 'f')}/log?token={embedded.token()}")
    listener.chunk()
    specification = embedded.request("GET", embedded.f(scheduled, "f")).json()
    for number in range(3):
        specification["metadata"] = {"n": number}
        assert embedded.request("PUT", embedded.f(scheduled, "f"), json=specification).status_code == 200
        while listener.event()["level"] != 30:
            pass
    listener.close()


def after(expression: str, *moment: int, zone: ZoneInfo = NEW_YORK, count: int = 3) -> list[str]:
    at, found = datetime(*moment, tzinfo=zone), []
    for _ in range(count):
        at = cron.following(expression, at)
        found.append(at.isoformat())
    return found


def test_five_fields_come_true_at_the_start_of_minutes_and_six_on_the_second():
    assert after("*/20 * * * *", 2026, 1, 1, 0, 1, 7)[0] == "2026-01-01T00:20:00-05:00"
    assert after("*/20 * * * * *", 2026, 1, 1, 0, 1, 7)[0] == "2026-01-01T00:01:20-05:00"


def test_a_time_that_the_change_of_clocks_skips_comes_right_after_it():
    assert after("30 2 * * *", 2026, 3, 8, count=2) == ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]


def test_a_time_that_occurs_twice_comes_true_once_and_every_half_hour_both_times():
    assert after("30 1 * * *", 2026, 11, 1, count=2) == ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
    assert after("*/30 * * * *", 2026, 11, 1, 1, count=3) == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:00:00-05:00",
        "2026-11-01T01:30:00-05:00",
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@daily", "2026-01-02T00:00:00-05:00"),
        ("@yearly", "2027-01-01T00:00:00-05:00"),
        ("* * *", "2026-01-01T00:01:00-05:00"),
        ("", "2026-01-01T00:01:00-05:00"),
        ("0 0 13 * 5", "2026-01-02T00:00:00-05:00"),
        ("0 0 ? feb sun", "2026-02-01T00:00:00-05:00"),
        ("0 0 */10 * *", "2026-01-11T00:00:00-05:00"),
    ],
)
def test_macros_names_and_missing_fields_mean_what_cron_means(expression, expected):
    assert after(expression, 2026, 1, 1, count=1) == [expected]


@pytest.mark.parametrize("schedule", [{"cron": 5}, {"cron": None}, {"cron": "* * * * *", "timezone": 5}])
def test_a_schedule_that_is_no_text_is_refused(embedded, boundary, schedule):
    specification = {"nodejs": {"files": {"index.js": CODE}}, "schedule": schedule}
    answer = embedded.request("PUT", embedded.f(boundary, "f"), json=specification)
    assert answer.status_code == 400
    assert "parameter must be a valid" in answer.json()["message"]


def test_a_time_zone_is_known_in_any_case_and_is_utc_when_missing():
    noon = int(datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("UTC")).timestamp()) * 1000
    hour = 60 * 60 * 1000
    assert cron.next_due({"cron": "0 9 * * *"}, noon) == noon + 21 * hour
    assert cron.next_due({"cron": "0 9 * * *", "timezone": "america/new_york"}, noon) == noon + hour
    assert cron.next_due({"cron": ""}, noon) == noon + 60_000
    assert cron.next_due({}, noon) is None


@pytest.mark.django_db(transaction=True, databases=["default", "platform"])
def test_of_many_who_look_at_once_one_takes_each_time():
    account = Account.objects.create(id=f"acc-{secrets.token_hex(8)}")
    subscription = Subscription.objects.create(id=f"sub-{secrets.token_hex(8)}", account=account)
    now = int(time.time()) * 1000
    for number in range(5):
        Function.objects.create(
            subscription=subscription,
            boundary_id="b",
            function_id=f"f{number}",
            specification="{}",
            rendered="{}",
            schedule='{"cron": "0 0 1 1 *"}',
            revision="x",
            due_ms=now if number else now - 2 * 60 * 60 * 1000,  # one is so late that it is left out
        )

    def look(_number: int) -> list[str]:
        try:
            return [occasion.address.function_id for occasion in schedules.claim()[0]]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        taken = [name for names in threads.map(look, range(16)) for name in names]
    assert sorted(taken) == ["f1", "f2", "f3", "f4"]


def test_a_schedule_of_seconds_runs_at_most_120_times_in_ten_minutes():
    pace, start = Pace(), int(time.time()) * 1000
    runs = [pace.allows(1, start + second * 1000) for second in range(1200)]
    assert sum(runs[:600]) == RUNS_PER_WINDOW == 120
    assert sum(runs[600:]) == RUNS_PER_WINDOW
