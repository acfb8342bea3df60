"""Contract 5: specifications, their defaults, outcomes of PUT, GET, DELETE, location, builds, redirect."""

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.embedded import EmbeddedFusebit, text_function

INDEX = {"nodejs": {"files": {"index.js": "module.exports = async (ctx) => ({body: 1});"}}}
CRON_TEXT = "The value of 'cron' parameter must be a valid CRON expression. Check https://crontab.guru/ for reference"


class Place:
    """One function of one test."""

    def __init__(self, embedded: EmbeddedFusebit, boundary: str) -> None:
        self.embedded, self.boundary = embedded, boundary
        self.path = embedded.f(boundary, "f")

    def put(self, **members):
        return self.embedded.request("PUT", self.path, json={**INDEX, **members})

    def get(self, query=""):
        return self.embedded.request("GET", f"{self.path}{query}").json()

    def refused(self, body):
        answer = self.embedded.request("PUT", self.path, json=body)
        assert answer.status_code == 400, answer.text
        return answer.json()["message"]


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


def test_keys_keep_the_order_in_which_they_came(place):
    place.put(
        compute={"timeout": 60, "memorySize": 256},
        configuration={"ZOO": "1", "APE": "2"},
        schedule={"timezone": "UTC", "cron": "@daily"},
    )
    shown = place.get()
    assert list(shown["compute"]) == ["timeout", "memorySize", "staticIp"]
    assert list(shown["configuration"]) == ["ZOO", "APE"]
    assert list(shown["schedule"]) == ["timezone", "cron"]


def test_texts_are_taken_as_numbers_where_numbers_are_meant(place):
    place.put(compute={"memorySize": "256", "staticIp": "false"}, routes=[{"path": "/", "task": {"maxRunning": "7"}}])
    assert place.get()["compute"] == {"memorySize": 256, "staticIp": False, "timeout": 30}
    assert place.get()["routes"][0]["task"] == {"maxRunning": 7}


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


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "The `nodejs` body parameter is missing."),
        ({"nodejs": {}}, "The `nodejs.files` body parameter is missing."),
        ({"nodejs": {"files": {}}}, 'nodejs.files.index.js: "index.js" is required'),
        ({"nodejs": {"files": {"index.js": 1}}}, 'nodejs.files.index.js: "index.js" must be a string'),
        ({"nodejs": {"files": {"index.js": ""}}}, 'nodejs.files.index.js: "index.js" is not allowed to be empty'),
        ({"nodejs": {"files": []}}, 'nodejs.files: "files" must be an object'),
        ({"nodejs": {"files": {"index.js": "x"}, "x": 1}}, 'nodejs.x: "x" is not allowed'),
        ({**INDEX, "env": {}}, 'env: "env" is not allowed'),
        ({**INDEX, "redirects": []}, 'redirects: "redirects" is not allowed'),
        ({**INDEX, "tags": {}}, 'tags: "tags" is not allowed'),
        ({**INDEX, "environment": "python"}, 'environment: "environment" must be one of [nodejs]'),
        ({**INDEX, "configuration": {"A": 1}}, 'configuration.A: "A" must be a string'),
        ({**INDEX, "configuration": {"-": "x"}}, 'configuration.-: "-" is not allowed'),
        ({**INDEX, "configuration": []}, 'configuration: "configuration" must be an object'),
        (
            {**INDEX, "compute": {"memorySize": 63}},
            'compute.memorySize: "memorySize" must be larger than or equal to 64',
        ),
        (
            {**INDEX, "compute": {"memorySize": 3009}},
            'compute.memorySize: "memorySize" must be less than or equal to 3008',
        ),
        ({**INDEX, "compute": {"timeout": 0}}, 'compute.timeout: "timeout" must be larger than or equal to 1'),
        ({**INDEX, "compute": {"timeout": 901}}, 'compute.timeout: "timeout" must be less than or equal to 900'),
        ({**INDEX, "compute": {"timeout": 1.5}}, 'compute.timeout: "timeout" must be an integer'),
        ({**INDEX, "compute": {"timeout": "x"}}, 'compute.timeout: "timeout" must be a number'),
        ({**INDEX, "compute": {"staticIp": 1}}, 'compute.staticIp: "staticIp" must be a boolean'),
        ({**INDEX, "compute": {"x": 1}}, 'compute.x: "x" is not allowed'),
        (
            {**INDEX, "compute": {"staticIp": True}},
            "Static IP feature requested for a subscription that doesn't have access to it.",
        ),
        (
            {**INDEX, "security": {"authentication": "maybe"}},
            'security.authentication: "authentication" must be one of [none, optional, required]',
        ),
        (
            {**INDEX, "security": {"authorization": [{"action": "a", "resource": "/"}]}},
            'security.authorization: "authorization" is not allowed',
        ),
        (
            {**INDEX, "security": {"authentication": "required", "authorization": []}},
            'security.authorization: "authorization" must contain at least 1 items',
        ),
        ({**INDEX, "routes": {}}, 'routes: "routes" must be an array'),
        ({**INDEX, "routes": [{}]}, 'routes.0.path: "path" is required'),
        (
            {**INDEX, "routes": [{"path": "/a"}, {"path": "/a"}]},
            'routes.1: "routes" position 1 contains a duplicate value',
        ),
        (
            {**INDEX, "routes": [{"path": "/a", "task": {"maxPending": -1}}]},
            'routes.0.task.maxPending: "maxPending" must be larger than or equal to 0',
        ),
        ({**INDEX, "schedule": {"cron": "invalid"}}, CRON_TEXT),
        ({**INDEX, "schedule": {"cron": "60 * * * *"}}, CRON_TEXT),
        ({**INDEX, "schedule": {"cron": "0 0 31 2 *"}}, CRON_TEXT),
        (
            {**INDEX, "schedule": {"x": "y"}},
            "Unexpected CRON setting 'x'. Only 'cron' and 'timezone' are allowed",
        ),
        (
            {**INDEX, "schedule": {"timezone": "UTC"}},
            "The 'timezone' parameter can only be specified if the 'cron' parameter is also specified",
        ),
        (
            {**INDEX, "schedule": {"cron": "@daily", "timezone": "Mars/Base"}},
            (
                "The value of 'timezone' parameter must be a valid timezone identifier. "
                "Check https://en.wikipedia.org/wiki/List_of_tz_database_time_zones for reference"
            ),
        ),
        (
            {"nodejs": {"files": {"index.js": "x", "package.json": "{"}}},
            "The package.json file cannot be parsed as a JSON object.",
        ),
        (
            {"nodejs": {"files": {"index.js": "x", "package.json": "[]"}}},
            "The package.json file cannot be parsed as a JSON object.",
        ),
        (
            {**INDEX, "security": {"functionPermissions": {}}},
            "Unable to parse function permissions: allow is missing",
        ),
        (
            {**INDEX, "security": {"functionPermissions": {"allow": [{"action": "a"}]}}},
            "Unable to parse function permissions: resource is missing",
        ),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_contract(place, body, message):
    assert place.refused(body) == message


@pytest.mark.parametrize(
    "cron", ["* * *", " ", "*/5 * * * *", "0 0 29 2 *", "@daily", "0 0 * * mon-fri", "1 2 3 4 5 6"]
)
def test_cron_expressions_of_five_or_six_fields_and_macros_are_taken(place, cron):
    assert place.put(schedule={"cron": cron}).status_code == 200
    assert place.get()["schedule"] == {"cron": cron}


def test_an_unclosed_template_is_refused(place):
    permissions = {"allow": [{"action": "a", "resource": "/x/{{boundaryId"}]}
    message = place.refused({**INDEX, "security": {"functionPermissions": permissions}})
    assert message.startswith("Unable to parse function permissions: Unclosed tag")


@pytest.mark.parametrize(("wanted", "runtime"), [("14", 14), ("16", 16), (">=18 <19", 18), (None, 14), ("^14.1", 14)])
def test_the_node_version_follows_engines(place, wanted, runtime):
    package = {"engines": {"node": wanted}} if wanted else {}
    files = {**INDEX["nodejs"]["files"], "package.json": package}
    assert place.put(nodejs={"files": files}).status_code == 200
    listed = place.embedded.request("GET", f"{place.embedded.b(place.boundary)}/function?include=all").json()
    assert listed["items"][0]["runtime"]["tags"]["compute.runtime"] == f"node{runtime}"


@pytest.mark.parametrize("wanted", ["10", "1", "<14", "nonsense"])
def test_a_node_version_that_is_not_there_is_refused(place, wanted):
    files = {"index.js": "x", "package.json": {"engines": {"node": wanted}}}
    message = place.refused({"nodejs": {"files": files}})
    begin = f'Unable to find Node.js runtime version matching the "{wanted}" requirement. '
    assert message.startswith(f"{begin}Supported versions are: 14.18.3, 16.14.0")


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "a\\..\\x", ".", "", "a//b", "a\u0000", "x" * 256, "index.js/x", "a/./b"]
)
def test_file_names_stay_inside_the_function(place, name):
    body = {"nodejs": {"files": {"index.js": "x", name: "y"}}}
    assert "is not a valid file name" in place.refused(body)


def test_the_body_must_agree_with_the_url(place):
    other = f"sub-{secrets.token_hex(8)}"
    assert place.refused({**INDEX, "subscriptionId": other}) == (
        f"The subscriptionId in the body '{other}' does not match the subscriptionId in the URL "
        f"'{place.embedded.subscription}'"
    )
    assert place.refused({**INDEX, "boundaryId": "x"}) == (
        f"The boundaryId in the body 'x' does not match the boundaryId in the URL '{place.boundary}'"
    )
    assert place.refused({**INDEX, "id": "x"}) == "The id in the body 'x' does not match the functionId in the URL 'f'"
    assert place.put(accountId=f"acc-{'0' * 16}").status_code == 200


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


# -- serialised settings -----------------------------------------------------------------------------------------------


def test_a_text_alone_is_kept_to_the_letter(place):
    text = "# comment\nFOO = 1\n  BAR=2  \nnonsense\n"
    place.put(configurationSerialized=text)
    shown = place.get("?include=all")
    assert shown["configuration"] == {"FOO": "1", "BAR": "2"}
    assert shown["configurationSerialized"] == text
    assert place.put(configurationSerialized=text).status_code == 204


def test_values_win_over_the_text_and_its_spacing_stays(place):
    place.put(configurationSerialized="# c\nFOO = 1 \nGONE=x\n", configuration={"FOO": "3", "NEW": "4"})
    shown = place.get("?include=all")
    assert shown["configuration"] == {"FOO": "3", "NEW": "4"}
    assert shown["configurationSerialized"] == "# c\nFOO = 3 \n\nNEW=4"


def test_an_empty_text_rewrites_plain_lines_in_the_order_of_the_values(place):
    place.put(configurationSerialized="# c\nFOO = 1", computeSerialized="timeout= 120")
    shown = place.get("?include=all")
    assert shown["computeSerialized"] == "timeout= 120\nmemorySize=128\nstaticIp=false"
    assert list(shown["compute"]) == ["timeout", "memorySize", "staticIp"]
    place.put(
        configuration={"FOO": "123", "BAR": "abc"},
        configurationSerialized="",
        compute=shown["compute"],
        computeSerialized="",
    )
    shown = place.get("?include=all")
    assert shown["configurationSerialized"] == "FOO=123\nBAR=abc"
    assert shown["computeSerialized"] == "timeout=120\nmemorySize=128\nstaticIp=false"


def test_an_empty_text_alone_resets(place):
    place.put(configuration={"A": "1"}, scheduleSerialized="cron=@daily\ntimezone = UTC")
    assert place.get()["schedule"] == {"cron": "@daily", "timezone": "UTC"}
    place.put(configurationSerialized="", scheduleSerialized="")
    shown = place.get("?include=all")
    assert not {"configuration", "configurationSerialized", "schedule", "scheduleSerialized"} & shown.keys()


def test_the_previous_text_lends_its_spacing(place):
    place.put(configurationSerialized="FOO = 1")
    place.put(configuration={"FOO": "2"})
    assert place.get("?include=all")["configurationSerialized"] == "FOO = 2"


def test_older_names_are_understood_and_moved(place):
    place.put(
        metadata={
            "fusebit": {"applicationSettings": "A=1", "computeSettings": "timeout=5", "cronSettings": "cron=@daily"}
        }
    )
    shown = place.get("?include=all")
    assert shown["configuration"] == {"A": "1"}
    assert shown["compute"]["timeout"] == 5
    assert shown["schedule"] == {"cron": "@daily"}
    assert "metadata" not in shown
    place.put(**{"lambda": {"memory_size": 256, "timeout": 7}})
    assert place.get()["compute"] == {"memorySize": 256, "timeout": 7, "staticIp": False}


def test_a_long_text_is_read_in_linear_time(place):
    answer = place.put(configurationSerialized=" " * 200_000)
    assert answer.elapsed.total_seconds() < 2


# -- lists, tags and search --------------------------------------------------------------------------------------------


@pytest.fixture
def several(embedded, boundary):
    """Five functions with tags."""
    for number, value in enumerate([1, "1", True, None, "a=b"]):
        spec = {**INDEX, "metadata": {"tags": {"n": value, f"own{number}": "x", "deep": {"no": 1}}}}
        assert embedded.request("PUT", embedded.f(boundary, f"f{number}"), json=spec).status_code == 200
    return boundary


def listed(embedded, boundary, query=""):
    answer = embedded.request("GET", f"{embedded.b(boundary)}/function{query}")
    assert answer.status_code == 200, answer.text
    return [item["functionId"] for item in answer.json()["items"]]


def test_items_have_four_members_and_tags_on_request(embedded, several):
    items = embedded.request("GET", f"{embedded.b(several)}/function").json()["items"]
    assert all(set(item) == {"boundaryId", "functionId", "schedule", "location"} for item in items)
    items = embedded.request("GET", f"{embedded.b(several)}/function?include=all").json()["items"]
    tags = items[1]["runtime"]["tags"]
    assert (tags["tag.n"], tags["cron"], tags["tag.own1"]) == (1, False, "x")
    assert "tag.deep" not in tags
    assert "routes" not in tags


def test_pages_are_in_byte_order(embedded, boundary):
    names = ["B", "a", "A-1", "0", "a-b", "ab"]
    for name in names:
        embedded.request("PUT", embedded.f(boundary, name), json=INDEX)
    seen, query = [], "?count=2"
    for _page in range(3):
        page = embedded.request("GET", f"{embedded.b(boundary)}/function{query}").json()
        seen += [item["functionId"] for item in page["items"]]
        query = f"?count=2&next={page.get('next')}"
    assert seen == sorted(names)
    assert "next" not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?search=tag.n", [0, 1, 2, 3, 4]),
        ("?search=tag.n=", [0, 1, 2, 3, 4]),
        ("?search=tag.n=1", [0, 1]),
        ("?search=tag.n=true", [2]),
        ("?search=tag.n=null", [3]),
        ("?search=tag.n=a%3Db", [4]),
        ("?search=tag.own2", [2]),
        ("?search=tag.n=1&search=tag.own1", [1]),
        ("?search=tag.n=2", []),
        ("?search=cron=false", [0, 1, 2, 3, 4]),
        ("?cron=true", []),
        ("?cron=0&search=tag.n=2", [0, 1, 2, 3, 4]),
        ("?search=nope", []),
        ("?search=compute.memorySize=128", [0, 1, 2, 3, 4]),
        ("?name=zzz", [0, 1, 2, 3, 4]),
    ],
)
def test_search_compares_tags_by_type(embedded, several, query, expected):
    assert listed(embedded, several, query) == [f"f{number}" for number in expected]


def test_a_boundary_lists_its_own_functions_only(embedded, boundary):
    embedded.request("PUT", embedded.f(f"{boundary}x", "f"), json=INDEX)
    assert listed(embedded, boundary) == []
    assert listed(embedded, f"{boundary}x") == ["f"]


def test_a_page_is_never_empty_with_more_to_come(embedded, boundary):
    for number in range(5):
        spec = {**INDEX, "metadata": {"tags": {"last": number == 4}}}
        embedded.request("PUT", embedded.f(boundary, f"f{number}"), json=spec)
    page = embedded.request("GET", f"{embedded.b(boundary)}/function?count=2&search=tag.last=true").json()
    assert [item["functionId"] for item in page["items"]] == ["f4"]
    assert "next" not in page


def test_a_bad_next_of_functions_is_refused(embedded, boundary):
    for token in ("x", "e30", "WzFd", "WzEsMl0"):
        answer = embedded.request("GET", f"{embedded.b(boundary)}/function?next={token}")
        assert (answer.status_code, answer.json()["message"]) == (400, "invalid 'next' parameter")


def test_resources_are_rendered_into_tags_and_kept_as_templates_in_security(place):
    resource = "/{{fusebit.boundaryId}}/{{tag.x}}/{{{tag.x}}}/{{nothing}}"
    authorization = [{"action": "a", "resource": resource}]
    security = {"authentication": "required", "authorization": authorization}
    place.put(security=security, metadata={"tags": {"x": "a/b"}})
    shown = place.get()
    assert shown["security"] == security
    rendered = json.loads(shown["runtime"]["tags"]["security.authorization"])
    assert rendered == [{"action": "a", "resource": f"/{place.boundary}/a&#x2F;b/a/b/"}]
