"""Extensions: what ran in a boundary, followed and read again (runs, events)."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.embedded import EmbeddedFusebit, text_function

PATIENCE_S = 20


class Place:
    """A boundary with one function that echoes, and one that is closed."""

    def __init__(self, server: EmbeddedFusebit, boundary: str) -> None:
        self.server, self.name = server, boundary
        self.path = server.b(boundary)
        code = "module.exports = async (ctx) => { console.log('hello', ctx.method); if (ctx.query.status) return "
        code += "{status: Number(ctx.query.status)}; if (ctx.query.fail) throw new Error('broken'); return {}; };"
        self.put("echo", {"nodejs": {"files": {"index.js": code}}})
        self.put("closed", text_function() | {"security": {"authentication": "required"}})

    def put(self, name, body):
        assert self.server.request("PUT", f"{self.path}/function/{name}", json=body).status_code == 200

    def call(self, query="", function="echo", **options):
        options.setdefault("token", None)
        method = options.pop("method", "GET")
        return self.server.request(method, f"{self.server.run_path(self.name, function)}{query}", **options)

    def runs(self, query="", **options):
        answer = self.server.request("GET", f"{self.path}/run{query}", **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, count, query=""):
        """Return the runs once there are `count`."""
        deadline = time.monotonic() + PATIENCE_S
        while len(found := self.runs(query)["items"]) < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


@pytest.fixture
def place(embedded, boundary) -> Place:
    return Place(embedded, boundary)


@contextmanager
def reading(place: Place, query: str = "", **headers: str) -> Iterator[Iterator[dict[str, str]]]:
    """Follow the events of a boundary."""
    url = f"{place.server.base_url}{place.path}/event{query}"
    sent = {"Authorization": f"Bearer {place.server.token()}", **headers}
    with requests.get(url, headers=sent, stream=True, timeout=PATIENCE_S) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines).startswith(":")
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Read events by the book."""
    event: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line and event:
            yield event
            event = {}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = value


def test_the_extensions_and_the_state_of_the_sandbox_are_told_to_anybody(embedded):
    answer = embedded.request("GET", "/v1/extensions", token=None)
    body = answer.json()
    assert (answer.status_code, body["extensions"]) == (200, ["runs", "events", "policy"])
    sandbox = body["sandbox"]
    assert set(sandbox) == {"layers", "proven", "weak", "refusing"}
    assert set(sandbox["layers"].values()) <= {"active", "missing"}
    assert (sandbox["proven"], sandbox["refusing"]) == (True, None)


def test_every_call_is_there_with_what_it_cost_the_latest_first(place):
    place.call("?a=secret")
    place.call("/sub?status=404", method="POST", json={"x": "secret"})
    second, first = place.wait_for(2)
    assert int(first["id"]) < int(second["id"])
    assert (first["functionId"], first["version"], first["method"], first["path"]) == ("echo", 1, "GET", "/")
    assert (first["status"], first["source"], first["cause"], first["kind"]) == (200, "function", None, "http")
    assert (second["method"], second["path"], second["status"]) == ("POST", "/sub", 404)
    assert second["requestBytes"] == len('{"x": "secret"}')
    assert first["durationMs"] > 0
    assert len(first["traceId"]) == 49
    assert first["startedAt"].endswith("Z")
    assert "secret" not in json.dumps([first, second])


def test_a_refused_call_says_who_it_was_and_what_was_missing(place):
    place.call(function="closed")
    body = text_function() | {
        "security": {
            "authentication": "required",
            "authorization": [{"action": "function:execute", "resource": "/account/x/"}],
        }
    }
    place.put("strict", body)
    weak = place.server.add_user(("function:get", "/"))
    assert place.call(function="strict", token=weak.token()).status_code == 403
    denied, anonymous = place.wait_for(2)
    assert (anonymous["cause"], anonymous["status"], anonymous["source"]) == ("auth_missing", 403, "")
    assert denied["cause"] == "auth_denied"
    assert denied["caller"] == {"issuerId": weak.issuer, "subject": weak.subject, "kid": weak.key.kid}
    assert denied["missing"] == {"action": "function:execute", "resource": "/account/x/"}
    assert place.call(function="closed", token=weak.token()).status_code == 200
    run = place.wait_for(3)[0]
    assert run["permissions"] == {"allow": [{"action": "function:get", "resource": "/"}]}
    assert weak.token().split(".")[2] not in json.dumps(run)


def test_runs_are_narrowed_by_every_filter(place):
    place.call()
    place.call("?status=418")
    place.call("?fail=1", method="POST")
    place.call(function="closed")
    trace = place.wait_for(4)[0]["traceId"]

    def found(query: str) -> list[int]:
        return [run["status"] for run in place.runs(query)["items"]]

    assert found("?status=4xx") == [403, 418]
    assert found("?status=418") == [418]
    assert found("?functionId=closed") == [403]
    assert found("?cause=code_error") == [500]
    assert found("?method=post") == [500]
    assert found(f"?traceId={trace}") == [403]
    assert found("?version=1") == [500, 418, 200]
    assert found("?version=2") == []
    assert found("?from=2100-01-01") == []
    assert found("?to=2000-01-01") == []
    assert found("?from=-1h&to=2100-01-01&functionId=echo") == [500, 418, 200]
    for wrong, text in (
        ("status=abc", 'status: "status" must be a status like 404, or one of [2xx, 3xx, 4xx, 5xx]'),
        ("after=x", 'after: "after" must be a number'),
        ("name=x", 'name: "name" is not allowed'),
        ("from=nope", "The 'from' filter date/time 'nope' is invalid"),
        ("count=-1", "The limit value '-1' is invalid; must be a positive number"),
    ):
        answer = place.server.request("GET", f"{place.path}/run?{wrong}")
        assert (answer.status_code, answer.json()["message"]) == (400, text)


def test_runs_are_paged_backwards_and_followed_forwards(place):
    for number in range(5):
        place.call(f"?status=20{number}")
    everything = [run["id"] for run in place.wait_for(5)]
    first = place.runs("?count=2")
    second = place.runs(f"?count=2&before={first['next']}")
    third = place.runs(f"?count=2&before={second['next']}")
    assert "next" not in third
    assert [run["id"] for page in (first, second, third) for run in page["items"]] == everything
    start = place.runs("?after=0&count=3")
    rest = place.runs(f"?after={start['next']}&count=3")
    assert [run["id"] for page in (start, rest) for run in page["items"]] == everything[::-1]
    end = place.runs(f"?after={rest['next']}")
    assert (end["items"], end["next"]) == ([], rest["next"])
    unmatched = place.runs("?after=0&status=5xx")
    assert (unmatched["items"], unmatched["next"]) == ([], rest["next"])


def test_one_run_is_found_by_its_id_in_its_own_boundary_only(place):
    place.call()
    run = place.wait_for(1)[0]
    answer = place.server.request("GET", f"{place.path}/run/{run['id']}")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in run} == run
    (line,) = answer.json()["logs"]
    assert line == {
        "functionId": "echo",
        "version": 1,
        "traceId": run["traceId"],
        "level": 30,
        "msg": "hello GET",
        "time": line["time"],
        "runId": run["id"],
    }
    for path in (f"{place.path}/run/0", f"{place.path}/run/x", f"{place.server.b('other')}/run/{run['id']}"):
        assert place.server.request("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("code", "cause", "said"),
    [
        ("async (ctx) => new Promise(() => {})", "timeout", "Task timed out after 1.00 seconds"),
        ("async (ctx) => { for (;;); }", "timeout", "Task timed out after 1.00 seconds"),
        ("async (ctx) => process.reallyExit(3)", "code_error", "exited with code 3 before it answered"),
    ],
)
def test_a_call_that_its_process_does_not_answer_has_its_last_line_in_the_log(place, code, cause, said):
    files = {"index.js": f"module.exports = {code};"}
    place.put("mute", {"nodejs": {"files": files}, "compute": {"timeout": 1}})
    trace = place.call(function="mute").headers["fusebit-trace-id"]
    run = place.wait_for(1, f"?traceId={trace}")[0]
    assert run["cause"] == cause
    deadline = time.monotonic() + PATIENCE_S
    while not (lines := place.server.request("GET", f"{place.path}/run/{run['id']}").json()["logs"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [(line["level"], line["traceId"]) for line in lines] == [(50, trace)]
    assert said in lines[0]["msg"]


def test_whoever_may_not_read_logs_may_not_read_runs_or_events(place):
    nobody = place.server.add_user(("function:get", "/"))
    reader = place.server.add_user(("function:get-log", f"{place.path.removeprefix('/v1')}/"))
    for path in ("run", "run/1", "event"):
        assert place.server.request("GET", f"{place.path}/{path}", token=nobody.token()).status_code == 403
        assert place.server.request("GET", f"{place.path}/{path}", token=None).status_code == 403
    assert place.server.request("GET", f"{place.path}/run", token=reader.token()).status_code == 200


def test_a_foreign_subscription_is_not_found_below_ones_own_account(place):
    path = f"{place.server.a}/subscription/sub-{'0' * 16}/boundary/{place.name}"
    for name in ("run", "run/1", "event", "policy"):
        answer = place.server.request("GET", f"{path}/{name}")
        assert (answer.status_code, answer.json()["message"]) == (404, "subscription not found")


def test_calls_of_what_nobody_has_leave_nothing_behind(embedded):
    boundary = f"never-{secrets.token_hex(4)}"
    real = Place(embedded, f"real-{secrets.token_hex(4)}")
    assert embedded.request("GET", embedded.run_path(boundary, "x"), token=None).status_code == 404
    assert real.call(function="x").status_code == 404
    assert real.wait_for(1)[0]["cause"] == "not_found"
    assert embedded.request("GET", f"{embedded.b(boundary)}/run").json() == {"items": []}


def test_events_come_as_they_happen_and_go_on_where_the_reader_left(place):
    with reading(place) as stream:
        place.call("?status=201")
        line, seen = next(stream), next(stream)
    assert (line["event"], json.loads(line["data"])["msg"]) == ("log", "hello GET")
    assert (seen["event"], json.loads(seen["data"])["status"]) == ("run", 201)
    assert int(line["id"]) < int(seen["id"])
    place.call("?status=202")
    place.call("?status=203")
    place.wait_for(3)
    for query, headers in (("", {"Last-Event-ID": seen["id"]}), (f"?after={seen['id']}", {})):
        with reading(place, query, **headers) as stream:
            runs = (event for event in stream if event["event"] == "run")
            assert [json.loads(next(runs)["data"])["status"] for _ in range(2)] == [202, 203]


def test_events_may_be_of_one_function_and_the_token_in_the_query(place):
    with reading(place, "?after=0&functionId=closed") as stream:
        place.call("?status=201")
        place.call(function="closed")
        event = next(stream)
    assert json.loads(event["data"])["functionId"] == "closed"
    url = f"{place.server.base_url}{place.path}/event?token={place.server.token()}"
    with requests.get(url, stream=True, timeout=PATIENCE_S) as response:
        assert response.status_code == 200
    with requests.head(url, timeout=PATIENCE_S) as response:
        assert response.status_code == 200
