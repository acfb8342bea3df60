"""Contract 3.8 and 4.8: the trail of decisions."""

import secrets
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.embedded import text_function


def trail(embedded, agent, **query):
    query = {"issuerId": agent.issuer, "count": 100, **query}
    answer = embedded.request("GET", f"{embedded.a}/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_every_decision_is_on_the_trail_at_once(embedded, boundary):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("account:get", account))
    assert trail(embedded, ada) == []
    embedded.request("GET", embedded.a, token=ada.token())
    embedded.request("GET", f"{embedded.a}/user", token=ada.token())
    embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    embedded.request("GET", f"{embedded.a}/me", token=ada.token(exp=1))
    found = trail(embedded, ada)
    assert [(row["action"], row["resource"], row["authorized"]) for row in found] == [
        ("account:get", f"{account}/", True),
        ("user:get", f"{account}/user/", False),
        ("user:get", f"{account}/user/{ada.id}/", True),
    ]
    assert set(found[0]) == {"accountId", "resource", "issuerId", "subject", "action", "authorized", "timestamp"}
    assert found == sorted(found, key=lambda row: row["timestamp"])
    assert found[0]["subject"] == ada.subject


def test_inline_permissions_are_on_the_trail_each_time(embedded):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("account:*", account))
    claim = {"allow": [{"action": "account:get", "resource": account}]}
    token = ada.token(**{"https://fusebit.io/permissions": claim})
    for _time in range(2):
        embedded.request("GET", embedded.a, token=token)
    excess = {"allow": [{"action": "account:get", "resource": account}, {"action": "x:y", "resource": "/"}]}
    embedded.request("GET", embedded.a, token=ada.token(**{"https://fusebit.io/permissions": excess}))
    decisions = [(row["action"], row["authorized"]) for row in trail(embedded, ada)]
    assert decisions == [("account:get", True)] * 5 + [("x:y", False)]


def test_the_trail_is_narrowed_by_every_filter(embedded):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("*", account))
    for path in ("", "/user", "/client", "/user/usr-0123456789abcdef"):
        embedded.request("GET", f"{embedded.a}{path}", token=ada.token())

    def found(**query):
        return [row["action"] for row in trail(embedded, ada, **query)]

    assert found(action="user:*") == ["user:get", "user:get"]
    assert found(action="user:get") == ["user:get", "user:get"]
    assert found(resource=f"{account}/user") == ["user:get", "user:get"]
    assert found(resource=f"{account}/user/usr") == ["user:get"]
    assert found(subject=ada.subject[:-1]) == []
    assert len(found(subject=ada.subject)) == 4
    page = embedded.request("GET", f"{embedded.a}/audit", params={"issuerId": ada.issuer, "count": 3}).json()
    rest = trail(embedded, ada, next=page["next"])
    assert (len(page["items"]), len(rest)) == (3, 1)


def test_the_trail_is_narrowed_by_time(embedded):
    ada = embedded.add_user()
    embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    now = datetime.now(UTC)
    later, earlier = now + timedelta(minutes=1), now - timedelta(minutes=1)
    for since in (
        earlier.isoformat(),
        format_datetime(earlier, usegmt=False),
        str(int(earlier.timestamp() * 1000)),
        "-1m",
    ):
        assert len(trail(embedded, ada, **{"from": since})) == 1, since
    assert trail(embedded, ada, **{"from": later.isoformat()}) == []
    assert trail(embedded, ada, to=earlier.isoformat()) == []
    rfc1123 = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert len(trail(embedded, ada, to=rfc1123)) == 1
    moment = "2022-04-05T10:00:00.000Z"
    assert trail(embedded, ada, **{"from": moment, "to": moment}) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "from=nope",
            (
                "The 'from' filter date/time 'nope' is invalid. Specify an absolute date/time, or a relative time such "
                "as '-15m', '-2h', or '-6d'."
            ),
        ),
        (
            "from=2022-04-05T10:00:00Z&to=2022-04-05T09:00:00Z",
            (
                "The 'to' filter date/time '2022-04-05T09:00:00.000Z' must be later in time than the 'from' filter "
                "date/time of '2022-04-05T10:00:00.000Z'"
            ),
        ),
        ("action=client", "The 'action' filter 'client' is invalid"),
        ("action=*:*", "The 'action' filter '*:*' is invalid"),
        ("action=a:b:c:d", "The 'action' filter 'a:b:c:d' is invalid"),
        ("subject=x", "The 'subject' filter 'x' can not be specified without the 'issuerId' filter"),
        ("count=-1", "The limit value '-1' is invalid; must be a positive number"),
        ("next=x", "The next token 'x' is invalid"),
    ],
)
def test_a_mistaken_filter_is_told(embedded, query, message):
    answer = embedded.request("GET", f"{embedded.a}/audit?{query}")
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_the_moment_of_a_row_is_within_bounds_read_off_it(embedded):
    ada = embedded.add_user()
    for _time in range(3):
        embedded.request("GET", f"{embedded.a}/me", token=ada.token())
    rows = trail(embedded, ada)
    for row in rows:
        assert row in trail(embedded, ada, **{"from": row["timestamp"], "to": row["timestamp"]})
    assert trail(embedded, ada, to=rows[-1]["timestamp"]) == rows
    epoch = str(int(datetime.fromisoformat(rows[-1]["timestamp"]).timestamp() * 1000))
    assert trail(embedded, ada, to=epoch) == rows


def test_the_trail_of_an_account_that_is_not_there_is_not_found(embedded):
    missing = f"acc-{secrets.token_hex(8)}"
    headers = {"fusebit-authorization-account-id": embedded.account}
    for path in ("", "/audit", "/user", "/client", "/issuer", "/subscription", "/registry/default"):
        answer = embedded.request("GET", f"/v1/account/{missing}{path}", headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (404, f"The account '{missing}' does not exist")


def test_an_end_before_the_default_beginning_is_refused(embedded):
    assert embedded.request("GET", f"{embedded.a}/audit?to=-1h").status_code == 400


def test_every_run_that_needs_a_right_is_on_the_trail(embedded, boundary):
    account = embedded.a.removeprefix("/v1")
    ada = embedded.add_user(("function:*", account))
    resource = f"{embedded.f(boundary, 'f').removeprefix('/v1')}/"
    needed = [{"action": "function:execute", "resource": resource}, {"action": "function:get", "resource": resource}]
    security = {"authentication": "required", "authorization": needed}
    assert embedded.request("PUT", embedded.f(boundary, "f"), json={**text_function(), "security": security}).ok
    for _time in range(3):
        assert embedded.request("GET", embedded.run_path(boundary, "f"), token=ada.token()).status_code == 200
    assert [row["action"] for row in trail(embedded, ada)] == ["function:execute", "function:get"] * 3
    claim = {"allow": [{"action": "function:execute", "resource": resource}]}
    narrow = ada.token(**{"https://fusebit.io/permissions": claim})
    assert embedded.request("GET", embedded.run_path(boundary, "f"), token=narrow).status_code == 403
    latest = trail(embedded, ada)[6:]
    assert [(row["action"], row["authorized"]) for row in latest] == [
        ("function:execute", True),
        ("function:execute", True),
        ("function:get", False),
    ]


def test_the_trail_belongs_to_the_account_that_signed_the_caller_in(embedded):
    headers = {"fusebit-authorization-account-id": embedded.account}
    other = embedded.request("POST", "/v1/account", json={"displayName": "x"}, headers=headers).json()["id"]
    embedded.request("GET", f"/v1/account/{other}", headers=headers)
    query = {"resource": f"/account/{other}", "count": 100}
    rows = embedded.request("GET", f"{embedded.a}/audit", params=query).json()["items"]
    assert [(row["action"], row["accountId"]) for row in rows] == [("account:get", embedded.account)]
