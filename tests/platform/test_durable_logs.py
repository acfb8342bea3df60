"""Contract 7.2: questions about the lines of log that are kept."""

import time

import pytest

from tests.embedded import EmbeddedFusebit

PATIENCE_S = 20


@pytest.fixture
def told(embedded: EmbeddedFusebit, boundary) -> str:
    """The path of a function that said three things a moment ago."""
    code = "module.exports = async (ctx) => { console.log('one'); console.error('two'); console.log('one more'); };"
    spec = {"nodejs": {"files": {"index.js": code}}}
    assert embedded.request("PUT", embedded.f(boundary, "talk"), json=spec).status_code == 200
    assert embedded.request("GET", embedded.run_path(boundary, "talk"), token=None).status_code == 200
    path = embedded.f(boundary, "talk")
    deadline = time.monotonic() + PATIENCE_S
    while ask(embedded, path)["recordsMatched"] < 3:
        assert time.monotonic() < deadline
    return path


def ask(embedded, path, **query):
    begun = embedded.request("POST", f"{path}/logs", json=query)
    assert begun.status_code == 200, begun.text
    return embedded.request("GET", f"{path}/logs/{begun.json()['queryId']}").json()


def test_lines_are_found_at_every_level(embedded, boundary, told):
    answer = ask(embedded, told)
    assert answer["status"] == "complete"
    assert [line["message"] for line in answer["results"]] == ["one more", "two", "one"]
    assert [line["message"] for line in ask(embedded, told, filter="one")["results"]] == ["one more", "one"]
    limited = ask(embedded, embedded.b(boundary), limit=1)
    assert (limited["recordsMatched"], len(limited["results"])) == (3, 1)
    for level in (embedded.s, embedded.a):
        assert ask(embedded, level)["recordsMatched"] >= 3
    window = {"from": "-2h", "to": "-1h"}
    assert ask(embedded, told, **window) == {"status": "complete", "recordsMatched": 0, "results": []}


def test_a_question_in_the_query_is_as_good(embedded, told):
    begun = embedded.request("POST", f"{told}/logs?filter=two").json()
    answer = embedded.request("GET", f"{told}/logs/{begun['queryId']}").json()
    assert [line["level"] for line in answer["results"]] == [50]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": 1001}, 'limit: "limit" must be less than or equal to 1000'),
        ({"from": "nope"}, "The 'from' date/time 'nope' is invalid"),
        ({"from": "-8d"}, "The window must be at most 7 days long and begin at most 30 days ago."),
        ({"stats": "count(*)"}, "Statistics of logs are not supported."),
        ({"other": 1}, 'other: "other" is not allowed'),
    ],
)
def test_what_can_not_be_asked_is_told(embedded, boundary, query, message):
    answer = embedded.request("POST", f"{embedded.b(boundary)}/logs", json=query)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_an_unknown_question_has_no_answer(embedded, boundary):
    for query_id in ("x", "e30", "WzFd", "%22"):
        assert embedded.request("GET", f"{embedded.b(boundary)}/logs/{query_id}").status_code == 404


def test_lines_are_shown_to_those_who_may_read_logs(embedded, told):
    nobody = embedded.add_user(("function:*", "/"))
    assert embedded.request("POST", f"{told}/logs", json={}, token=nobody.token()).status_code == 403
