"""Contract 6.7: tasks are accepted with 202, run later and bounded, and tell how far they got."""

import re
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tests.embedded import EmbeddedFusebit

CODE = """module.exports = async (ctx) => {
  if (ctx.method !== 'TASK') return {body: ctx.method};
  if (ctx.body.fail) throw new Error('broken');
  if (ctx.body.half) return {body: 'half \\ud800, NUL \\0', headers: {a: NaN}};
  if (ctx.body.deep) return {body: JSON.parse('['.repeat(400) + ']'.repeat(400))};
  if (ctx.body.large) return {body: 'x'.repeat(600000)};
  if (ctx.body.leave) process.exit(3);
  if (ctx.body.ms) await new Promise((done) => setTimeout(done, ctx.body.ms));
  // What the token says, and not the token: answers of tasks are kept.
  const said = (token) => token && JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  const fusebit = {...ctx.fusebit, functionAccessToken: said(ctx.fusebit.functionAccessToken)};
  return {status: 201, headers: {'x-a': 'b'}, body: {...ctx, fusebit, configuration: undefined}};
};"""
ROUTES = [
    {"path": "/jobs", "task": {}},
    {"path": "/narrow", "task": {"maxRunning": 2}},
    {"path": "/full", "task": {"maxPending": 1}},
    {"path": "/open", "security": {"authentication": "none"}, "task": {}},
    {
        "path": "/able",
        "security": {
            "authentication": "none",
            "functionPermissions": {"allow": [{"action": "storage:get", "resource": "/account/x/"}]},
        },
        "task": {},
    },
    {"path": "/plain"},
]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOT_BEFORE = "The value of the 'fusebit-task-not-before' header must be EPOCH time no more than 24 hours in the future."


class Tasks:
    """A function with task routes, and the tasks of one test."""

    def __init__(self, embedded: EmbeddedFusebit, boundary: str) -> None:
        self.embedded, self.boundary = embedded, boundary
        self.path = embedded.f(boundary, "f")
        self.run_path = embedded.run_path(boundary, "f")
        specification = {"nodejs": {"files": {"index.js": CODE}}, "routes": ROUTES}
        answer = embedded.request("PUT", self.path, json=specification)
        assert answer.status_code == 200, answer.text

    def post(self, path="/jobs", body=None, **options):
        return self.embedded.request("POST", f"{self.run_path}{path}", json=body or {}, **options)

    def get(self, task):
        answer = self.embedded.request("GET", task["location"].removeprefix(self.embedded.base_url))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finished(self, task, within=60):
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            seen = self.get(task)
            if seen["status"] not in {"pending", "running"}:
                return seen
            time.sleep(0.05)
        raise AssertionError(seen)

    def stats(self):
        routes = self.embedded.request("GET", f"{self.path}?include=task").json()["routes"]
        return {route["path"]: route["task"]["stats"] for route in routes}


@pytest.fixture
def tasks(embedded, boundary) -> Tasks:
    return Tasks(embedded, boundary)


def test_a_post_to_a_task_route_is_accepted_with_202_and_where_to_ask(tasks):
    answer = tasks.post()
    assert answer.status_code == 202
    assert answer.headers["x-fx-response-source"] == "function"
    body = answer.json()
    ids = ["accountId", "subscriptionId", "boundaryId", "functionId", "taskId"]
    assert list(body) == [*ids, "status", "transitions", "location"]
    assert body["status"] == "pending"
    assert list(body["transitions"]) == ["pending"]
    assert MOMENT.fullmatch(body["transitions"]["pending"])
    assert body["location"] == f"{tasks.embedded.base_url}{tasks.path}/task/{body['taskId']}"
    assert answer.headers["location"] == body["location"]
    assert re.fullmatch(r"tsk-[0-9a-f]{16}", body["taskId"])


def test_a_task_completes_with_its_output_and_transitions_in_strict_order(tasks):
    task = tasks.post(body={"a": [1]}).json()
    done = tasks.finished(task)
    assert done["status"] == "completed"
    moments = [done["transitions"][state] for state in ("pending", "running", "completed")]
    assert moments == sorted(set(moments))
    assert all(map(MOMENT.fullmatch, moments))
    assert {name: done[name] for name in task if name not in {"status", "transitions"}} == {
        name: task[name] for name in task if name not in {"status", "transitions"}
    }
    response = done["output"]["response"]
    assert (response["status"], response["headers"]) == (201, {"x-a": "b"})
    assert response["body"]["body"] == {"a": [1]}
    assert set(done["output"]["meta"]) == {"source", "metrics", "log", "error"}


def test_the_ctx_of_a_task_is_the_request_with_headers_about_the_task(tasks):
    soon = str(int(time.time()) - 5)
    headers = {"fusebit-task-not-before": soon, "x-mine": "yes"}
    task = tasks.post("/jobs/a%20b?n=1&m%5Bx%5D=2", {"z": 1}, headers=headers).json()
    ctx = tasks.finished(task)["output"]["response"]["body"]
    assert (ctx["method"], ctx["path"], ctx["query"]) == (
        "TASK",
        "/jobs/a%20b?n=1&m%5Bx%5D=2",
        {"n": "1", "m": {"x": "2"}},
    )
    assert ctx["url"] == f"{tasks.run_path.removeprefix('/v1')}/jobs/a%20b?n=1&m%5Bx%5D=2"
    assert ctx["caller"] == {}
    assert "callerAccessToken" not in ctx["fusebit"]
    assert "functionAccessToken" not in ctx["fusebit"]
    seen = ctx["headers"]
    assert (seen["x-mine"], seen["fusebit-task-not-before"]) == ("yes", soon)
    assert (seen["fusebit-task-id"], seen["fusebit-task-route"]) == (task["taskId"], "/jobs")
    assert int(seen["fusebit-task-scheduled-at"]) < int(seen["fusebit-task-executing-at"])
    assert "." in seen["fusebit-trace-id"]
    assert "authorization" not in seen  # a token is never kept at rest


def test_a_task_s_token_has_the_permissions_of_its_route(tasks):
    task = tasks.post("/able", token=None).json()
    claims = tasks.finished(task)["output"]["response"]["body"]["fusebit"]["functionAccessToken"]
    assert claims["sub"].endswith(f":{tasks.boundary}:f:task")
    assert claims["https://fusebit.io/permissions"]["allow"][0]["action"] == "storage:get"
    assert claims["exp"] - claims["iat"] == 30 * 60


def test_other_verbs_on_a_task_route_run_at_once(tasks):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = tasks.embedded.request(method, f"{tasks.run_path}/open")
        assert (answer.status_code, answer.json()) == (200, method)
    assert tasks.post("/plain").json() == "POST"


def test_a_handler_that_throws_still_completes_with_its_500(tasks):
    done = tasks.finished(tasks.post(body={"fail": True}).json())
    assert done["status"] == "completed"
    assert done["output"]["response"]["status"] == 500
    assert done["output"]["response"]["body"]["properties"]["errorMessage"] == "broken"


def test_a_process_that_ends_makes_the_task_an_error(tasks):
    done = tasks.finished(tasks.post(body={"leave": True}).json())
    assert done["status"] == "error"
    assert done["error"]["statusCode"] == 500
    assert isinstance(done["error"]["message"], str)
    assert "output" not in done
    assert set(done["transitions"]) == {"pending", "running", "error"}


def test_a_response_that_cannot_be_kept_as_it_is_ends_well_all_the_same(tasks):
    half, large, deep = (tasks.finished(tasks.post(body={name: True}).json()) for name in ("half", "large", "deep"))
    assert half["output"]["response"] == {"body": "half ?, NUL \0", "headers": {"a": None}}
    assert (large["status"], large["error"]["statusCode"]) == ("error", 500)
    assert deep["status"] == "error"


def test_a_task_waits_for_the_time_it_must_not_begin_before(tasks):
    not_before = int(time.time()) + 3
    task = tasks.post(headers={"fusebit-task-not-before": str(not_before)}).json()
    moment = datetime.fromtimestamp(not_before, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert task["notBefore"] == moment
    assert list(task).index("notBefore") < list(task).index("location")
    assert tasks.get(task)["status"] == "pending"
    assert tasks.stats()["/jobs"] == {"availableCount": 0, "delayedCount": 1, "pendingCount": 1}
    done = tasks.finished(task)
    assert done["notBefore"] == moment
    executing = int(done["output"]["response"]["body"]["headers"]["fusebit-task-executing-at"])
    assert executing >= not_before * 1000


@pytest.mark.parametrize("value", ["soon", "", "1e400", "99999999999"])
def test_a_time_too_far_away_or_no_time_at_all_is_refused(tasks, value):
    answer = tasks.post(headers={"fusebit-task-not-before": value})
    assert (answer.status_code, answer.json()["message"]) == (400, NOT_BEFORE)
    assert "x-fx-response-source" not in answer.headers


def test_no_more_tasks_of_a_route_run_at_once_than_it_allows(tasks):
    accepted = [tasks.post("/narrow", {"ms": 150}).json() for _ in range(7)]
    done = [tasks.finished(task) for task in accepted]
    times = [(one["transitions"]["running"], one["transitions"]["completed"]) for one in done]
    at_once = [sum(begin <= moment < end for begin, end in times) for moment, _end in times]
    assert max(at_once) == 2


def test_tasks_wait_for_room_in_their_boundary_where_an_operator_bounds_it(tasks):
    later = {"fusebit-task-not-before": str(int(time.time()) + 2)}
    accepted = [tasks.post(body={"ms": 200}, headers=later).json() for _ in range(3)]
    limits = {"limits": {"concurrency": 1}}
    assert tasks.embedded.request("PATCH", f"{tasks.embedded.b(tasks.boundary)}/policy", json=limits).status_code == 200
    for task in accepted:
        assert tasks.finished(task)["status"] == "completed"
    deadline = time.monotonic() + 30
    runs: list[dict] = []
    while len(runs) < 3 and time.monotonic() < deadline:
        page = tasks.embedded.request("GET", f"{tasks.embedded.b(tasks.boundary)}/run?count=100").json()
        runs = [run for run in page["items"] if run["kind"] == "task"]
    moments = sorted((datetime.fromisoformat(run["startedAt"]).timestamp(), run["durationMs"] / 1000) for run in runs)
    assert all(begun + lasted <= following for (begun, lasted), (following, _) in pairwise(moments))


def test_more_tasks_than_may_wait_are_refused_with_429(tasks):
    later = {"fusebit-task-not-before": str(int(time.time()) + 3600)}
    statuses = [tasks.post("/full", headers=later).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    answer = tasks.post("/full", headers=later)
    assert answer.json()["message"] == "Too Many Requests"
    assert answer.headers["x-fx-response-source"] == "proxy"


def test_statistics_list_task_routes_in_their_order_with_their_queues(tasks):
    shown = tasks.embedded.request("GET", f"{tasks.path}?include=task").json()
    assert list(shown) == ["routes"]
    assert [route["path"] for route in shown["routes"]] == ["/jobs", "/narrow", "/full", "/open", "/able"]
    idle = {"availableCount": 0, "delayedCount": 0, "pendingCount": 0}
    assert shown["routes"][1] == {"path": "/narrow", "task": {"maxRunning": 2, "stats": idle}}
    assert shown["routes"][3]["security"] == {"authentication": "none"}


def test_only_who_may_schedule_makes_tasks_and_asks_for_them(tasks):
    own = tasks.path.removeprefix("/v1")
    able = tasks.embedded.add_user(("function:schedule", f"{own}/"))
    unable = tasks.embedded.add_user(("function:get", "/"))
    assert tasks.post(token=None).status_code == 403
    assert tasks.post(token=unable.token()).status_code == 403
    made = tasks.post(token=able.token())
    assert made.status_code == 202
    path = made.json()["location"].removeprefix(tasks.embedded.base_url)
    assert tasks.embedded.request("GET", path, token=able.token()).status_code == 200
    assert tasks.embedded.request("GET", path, token=unable.token()).status_code == 403


SCHEDULER = """module.exports = async (ctx) => {
  if (ctx.method === 'TASK') return {body: {query: ctx.query, body: ctx.body, headers: ctx.headers, path: ctx.path}};
  const {options, date} = ctx.body;
  if (date) options.notBefore = new Date(options.notBefore);
  try {
    return {body: await ctx.fusebit.scheduleTask(options)};
  } catch (error) {
    const {name, message, statusCode, body, headers} = error;
    return {status: 400, body: {name, message, statusCode, body, source: headers?.['content-type']}};
  }
};"""


@pytest.fixture
def scheduler(embedded, boundary) -> Tasks:
    tasks = Tasks(embedded, boundary)
    allow = [{"action": "function:schedule", "resource": "/{{{fusebit.accountId}}}".join(("/account", "/"))}]
    specification = {
        "nodejs": {"files": {"index.js": SCHEDULER}},
        "routes": [{"path": "/jobs", "task": {}}],
        "security": {"functionPermissions": {"allow": allow}},
    }
    assert embedded.request("PUT", tasks.path, json=specification).status_code == 200
    return tasks


def test_a_function_schedules_its_own_tasks(scheduler):
    options = {"path": "jobs/x", "query": {"a": "b"}, "body": {"n": 1}, "headers": {"X-Mine": "yes"}}
    answer = scheduler.post("", {"options": options})
    task = answer.json()
    assert (answer.status_code, task["status"]) == (200, "pending")
    assert task["location"].startswith(f"{scheduler.embedded.base_url}/v1/account/")
    seen = scheduler.finished(task)["output"]["response"]["body"]
    assert (seen["path"], seen["query"], seen["body"]) == ("/jobs/x?a=b", {"a": "b"}, {"n": 1})
    assert seen["headers"]["x-mine"] == "yes"


@pytest.mark.parametrize("way", ["date", "text", "seconds", "relative"])
def test_a_function_says_in_several_ways_when_a_task_may_begin(scheduler, way):
    due = int(time.time()) + 3600
    iso = datetime.fromtimestamp(due, UTC).isoformat()
    options = {"path": "/jobs"} | (
        {"notBeforeRelative": 3600} if way == "relative" else {"notBefore": due if way == "seconds" else iso}
    )
    task = scheduler.post("", {"options": options, "date": way == "date"}).json()
    assert abs(datetime.fromisoformat(task["notBefore"]).timestamp() - due) <= (10 if way == "relative" else 0)


@pytest.mark.parametrize(
    ("options", "name", "status"),
    [
        ({}, "TypeError", None),
        ({"path": 5}, "TypeError", None),
        ({"path": "/jobs", "headers": {"a": 1}}, "TypeError", None),
        ({"path": "/jobs", "notBefore": "never"}, "TypeError", None),
        ({"path": "/jobs", "notBeforeRelative": 25 * 3600}, "Error", 400),
        ({"path": "/jobs", "accessToken": "nonsense"}, "Error", 403),
        ({"path": "/elsewhere"}, "Error", 400),
    ],
)
def test_a_task_that_cannot_be_scheduled_is_an_error_with_what_was_answered(scheduler, options, name, status):
    error = scheduler.post("", {"options": options}).json()
    assert (error["name"], error.get("statusCode")) == (name, status)
    if status == 403:
        assert error["body"]["message"] == "Unauthorized"
        assert error["source"] == "application/json; charset=utf-8"


def test_an_unknown_task_is_404_and_a_malformed_id_400(tasks):
    assert tasks.embedded.request("GET", f"{tasks.path}/task/tsk-{'0' * 16}").status_code == 404
    assert tasks.embedded.request("GET", f"{tasks.path}/task/nonsense").status_code == 400
