"""Contract 5.4 to 5.7: outcomes of PUT, what GET shows, DELETE, location, builds, redirect."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.embedded import text_function
from tests.platform.specified import INDEX, Place


@pytest.fixture
def place(embedded, boundary) -> Place:
    return Place(embedded, boundary)


def test_a_put_answers_with_its_outcome(place):
    answer = place.put()
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == [
        "status",
        "subscriptionId",
        "boundaryId",
        "functionId",
        "transitions",
        "location",
        "version",
    ]
    assert (body["status"], body["version"]) == ("success", 1)
    assert set(body["transitions"]) == {"pending", "building", "success"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when) for when in body["transitions"].values())
    assert body["location"] == f"{place.embedded.base_url}{place.embedded.run_path(place.boundary, 'f')}"


def test_get_shows_the_specification_with_its_defaults(place):
    place.put()
    shown = place.get()
    tags = shown.pop("runtime")["tags"]
    assert shown == {
        "accountId": place.embedded.account,
        "subscriptionId": place.embedded.subscription,
        "boundaryId": place.boundary,
        "id": "f",
        "nodejs": INDEX["nodejs"],
        "compute": {"memorySize": 128, "timeout": 30, "staticIp": False},
        "location": f"{place.embedded.base_url}{place.embedded.run_path(place.boundary, 'f')}",
        "security": {"authentication": "none"},
        "routes": [],
    }
    assert tags["fusebit.functionId"] == "f"
    assert (tags["cron"], tags["environment.function"], tags["compute.timeout"]) == (False, 1, 30)


def test_the_same_body_twice_changes_nothing(place):
    assert place.put(configuration={"A": "1"}).status_code == 200
    again = place.put(configuration={"A": "1"})
    assert (again.status_code, again.content) == (204, b"")


@pytest.mark.parametrize("query", ["", "?include=all"])
def test_what_get_returned_can_be_put_back_without_a_change(place, query):
    place.put(
        configuration={"B": "1", "A": "2"},
        compute={"timeout": 60},
        schedule={"cron": "0 0 1 1 *", "timezone": "Europe/Berlin"},
        metadata={"tags": {"x": 1}, "other": {"deep": [1]}},
        security={
            "authentication": "optional",
            "authorization": [{"action": "a", "resource": "/{{fusebit.accountId}}"}],
        },
        routes=[{"path": "/x", "security": {"authentication": "none"}, "task": {"maxPending": 3}}],
        fusebitEditor={"runConfig": [{"method": "GET", "url": "/", "payload": {"a": 1}}]},
    )
    shown = place.get(query)
    assert place.embedded.request("PUT", place.path, json=shown).status_code == 204


def test_a_put_replaces_everything(place):
    place.put(configuration={"A": "1"}, compute={"memorySize": 256}, schedule={"cron": "@daily"}, metadata={"a": 1})
    assert place.put().status_code == 200
    shown = place.get()
    assert not {"configuration", "schedule", "metadata"} & shown.keys()
    assert shown["compute"]["memorySize"] == 128


def test_the_version_counts_what_is_published(place):
    assert place.put().json()["version"] == 1
    assert place.put(metadata={"a": 1}).json()["version"] == 1
    assert place.put(metadata={"a": 1}, configuration={"A": "1"}).json()["version"] == 2
    assert place.put(security={"authentication": "optional"}, configuration={"A": "1"}).json()["version"] == 2
    assert place.put(compute={"timeout": 31}, configuration={"A": "1"}).json()["version"] == 3
    assert place.embedded.request("PUT", place.path, json=text_function()).json()["version"] == 4


@pytest.mark.parametrize("package", ['{"name": "x"}', {"name": "x", "engines": {"node": "16"}}])
def test_package_json_comes_back_as_it_was_given(place, package):
    files = {**INDEX["nodejs"]["files"], "package.json": package}
    assert place.put(nodejs={"files": files}).status_code == 200
    assert place.get()["nodejs"]["files"] == files


def test_a_new_body_runs_with_the_next_request(place):
    for number in range(20):
        assert place.embedded.request("PUT", place.path, json=text_function(str(number))).status_code == 200
        run = place.embedded.request("GET", place.embedded.run_path(place.boundary, "f"), token=None)
        assert run.json() == str(number)


def test_a_subscription_that_does_not_exist_or_is_not_the_accounts_is_404(embedded, boundary):
    path = f"{embedded.a}/subscription/sub-{secrets.token_hex(8)}/boundary/{boundary}/function/f"
    answer = embedded.request("PUT", path, json=INDEX)
    assert (answer.status_code, answer.json()["message"]) == (404, "subscription not found")
    assert embedded.request("GET", path).status_code == 404
    listed = embedded.request("GET", path.removesuffix("/f"))
    assert (listed.status_code, listed.json()) == (200, {"items": []})


def test_delete_removes_once(place):
    place.put()
    answer = place.embedded.request("DELETE", place.path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        missing = place.embedded.request(method, place.path)
        assert (missing.status_code, missing.json()["message"]) == (404, "Not Found")
    run = place.embedded.request("GET", place.embedded.run_path(place.boundary, "f"), token=None)
    assert run.status_code == 404


def test_builds_of_functions_without_modules_have_nothing_to_do(place):
    assert place.embedded.request("POST", f"{place.path}/build").status_code == 404
    place.put()
    assert place.embedded.request("POST", f"{place.path}/build").status_code == 204
    missing = place.embedded.request("GET", f"{place.path}/build/abc")
    assert (missing.status_code, missing.json()["message"]) == (404, "Not Found")


def test_a_location_is_given_without_asking_whether_it_exists(place):
    answer = place.embedded.request("GET", f"{place.path}/location")
    assert answer.json() == {"location": f"{place.embedded.base_url}{place.embedded.run_path(place.boundary, 'f')}"}


def test_a_redirect_lasts_until_the_function_changes(place):
    path, url = f"{place.path}/redirect", "https://abc.tunnel.dev.fivequarters.io"
    ask = place.embedded.request
    assert ask("GET", path).status_code == 404
    missing = ask("POST", path, json={"redirectUrl": url})
    assert (missing.status_code, missing.json()) == (404, {"message": "Function not found"})
    place.put()
    assert ask("GET", path).json() == {}
    answer = ask("POST", path, json={"redirectUrl": url})
    assert (answer.status_code, answer.json()) == (200, {"redirectUrl": url})
    assert ask("GET", path).json() == {"redirectUrl": url}
    assert place.get()["runtime"]["tags"]["ephemeral.redirect"] == url
    refused = ask("POST", path, json={"redirectUrl": "https://evil.example"})
    assert (refused.status_code, refused.json()["message"]) == (400, "redirectUrl: Unsupported tunnel endpoint")
    assert place.put().status_code == 204
    assert ask("GET", path).json() == {"redirectUrl": url}
    place.put(metadata={"a": 1})
    assert ask("GET", path).json() == {}
    gone = ask("DELETE", path)
    assert (gone.status_code, gone.content) == (200, b"")


def test_concurrent_puts_give_each_change_its_own_version(place):
    place.put()

    def put(number):
        return place.put(configuration={"N": str(number)}).json()["version"]

    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(put, range(16)))
    assert sorted(versions) == list(range(2, 18))


def test_task_routes_are_shown_with_their_queues(place):
    place.put(routes=[{"path": "/a"}, {"path": "/t", "task": {"maxRunning": 5}}])
    idle = {"availableCount": 0, "delayedCount": 0, "pendingCount": 0}
    assert place.get("?include=task") == {"routes": [{"path": "/t", "task": {"maxRunning": 5, "stats": idle}}]}


def test_encoded_files_are_written_as_bytes(place):
    source = (
        "module.exports = async (ctx) => ({body: ['a', 'b', 'c'].map(n => "
        "require('fs').readFileSync(__dirname + '/' + n).toString('hex'))});"
    )
    encoded = {
        "a": {"data": "AP8=", "encoding": "base64"},
        "b": {"data": "00ff", "encoding": "hex"},
        "c": {"data": "é", "encoding": "latin1"},
    }
    answer = place.put(nodejs={"files": {"index.js": source}, "encodedFiles": encoded})
    assert answer.status_code == 200, answer.text
    run = place.embedded.request("GET", place.embedded.run_path(place.boundary, "f"), token=None)
    assert run.json() == ["00ff", "00ff", "e9"]
    assert place.get()["nodejs"]["encodedFiles"] == encoded
