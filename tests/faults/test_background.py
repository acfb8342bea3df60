"""Schedules and tasks survive a platform that is killed: schedules go on, and no task is lost or run twice."""

import os
import signal
import time
from collections import Counter

from tests.embedded import EmbeddedFusebit

KILLS = 3
CODE = """module.exports = async (ctx) => {
  console.log(ctx.headers['fusebit-task-id'] || ctx.headers['fusebit-trace-id']);
  if (ctx.method === 'CRON') return {};
  await new Promise((done) => setTimeout(done, ctx.body.ms));
  return {body: 'done'};
};"""


def kill(server: EmbeddedFusebit) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.stop(forget=False)


def test_schedules_go_on_and_no_task_is_lost_or_run_twice_when_the_platform_is_killed() -> None:
    server = EmbeddedFusebit().start()
    try:
        specification = {
            "nodejs": {"files": {"index.js": CODE}},
            "schedule": {"cron": "* * * * * *"},
            "routes": [{"path": "/task", "task": {"maxRunning": 1}}],
        }
        assert server.request("PUT", server.f("b", "f"), json=specification).status_code == 200
        tasks = []
        for _ in range(KILLS):
            for ms in (20, 20, 1500):
                answer = server.request("POST", f"{server.run_path('b', 'f')}/task", json={"ms": ms})
                assert answer.status_code == 202, answer.text
                tasks.append(answer.json()["location"].removeprefix(server.base_url))
            wait_for_runs(server)
            kill(server)
            server.start()
        wait_for_runs(server)
        deadline = time.monotonic() + 120
        states = {"pending"}
        while states & {"pending", "running"} and time.monotonic() < deadline:
            states = {server.request("GET", task).json()["status"] for task in tasks}
            time.sleep(0.5)
        assert states <= {"completed", "error"}  # an error: it ran when the platform was killed
        assert all(number == 1 for number in runs(server, "task").values())
    finally:
        server.stop()


def wait_for_runs(server: EmbeddedFusebit, count: int = 2) -> None:
    """Wait until the schedule has come true a few times more."""
    before, deadline = len(runs(server, "cron")), time.monotonic() + 60
    while len(runs(server, "cron")) < before + count:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def runs(server: EmbeddedFusebit, kind: str) -> Counter[str]:
    """Return how often each line was printed: one for every run, with what names it."""
    found: Counter[str] = Counter()
    after = "0"
    while True:
        page = server.request("GET", f"{server.b('b')}/run?count=100&after={after}").json()
        for run in page["items"]:
            if run["kind"] == kind:
                lines = server.request("GET", f"{server.b('b')}/run/{run['id']}").json()["logs"]
                found[lines[0]["msg"] if lines else run["id"]] += 1
        if not page["items"]:
            return found
        after = page["next"]
