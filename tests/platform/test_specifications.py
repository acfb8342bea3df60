"""Contract 5.1 to 5.4: what a specification may say, its mistakes, and settings as values and as text."""

import secrets

import pytest

from tests.platform.specified import INDEX, Place

CRON_TEXT = "The value of 'cron' parameter must be a valid CRON expression. Check https://crontab.guru/ for reference"


def encoded(files: object) -> dict:
    return {"nodejs": {**INDEX["nodejs"], "encodedFiles": files}}


@pytest.fixture
def place(embedded, boundary) -> Place:
    return Place(embedded, boundary)


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
        (encoded([]), 'nodejs.encodedFiles: "encodedFiles" must be an object'),
        (encoded({"a": 1}), 'nodejs.encodedFiles.a: "a" must be an object'),
        (encoded({"a": {"data": "x"}}), 'nodejs.encodedFiles.a.encoding: "encoding" is required'),
        (encoded({"a": {"encoding": "hex"}}), 'nodejs.encodedFiles.a.data: "data" is required'),
        (encoded({"a": {"data": 1, "encoding": "hex"}}), 'nodejs.encodedFiles.a.data: "data" must be a string'),
        (
            encoded({"a": {"data": "x", "encoding": "nope"}}),
            (
                'nodejs.encodedFiles.a.encoding: "encoding" must be one of [ascii, base64, base64url, binary, hex, '
                "latin1, ucs-2, ucs2, utf-16le, utf-8, utf16le, utf8]"
            ),
        ),
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


@pytest.mark.parametrize(
    ("wanted", "runtime"), [("14", 14), ("16", 16), (">=18 <19", 18), (None, 14), ("^14.1", 14), ("16.x.0", 16)]
)
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
    "name",
    [
        "/".join("d" * 17),
        "/".join(["d" * 255] * 5),
        "../x",
        "/etc/x",
        "a/../../x",
        "a\\..\\x",
        ".",
        "",
        "a//b",
        "a\u0000",
        "x" * 256,
        "index.js/x",
        "a/./b",
    ],
)
def test_file_names_stay_inside_the_function(place, name):
    body = {"nodejs": {"files": {"index.js": "x", name: "y"}}}
    assert "is not a valid file name" in place.refused(body)


def test_encoded_files_lie_beside_the_others(place):
    encoded_file = {"data": "1", "encoding": "utf8"}
    nodejs = {"files": {"index.js": "x", "a": "1", "b/c": "1"}, "encodedFiles": {"a/b": encoded_file}}
    assert place.refused({"nodejs": nodejs}) == 'nodejs.a/b: "a/b" is not a valid file name'
    assert "is not a valid file name" in place.refused({"nodejs": {**nodejs, "encodedFiles": {"b": encoded_file}}})


def test_files_may_lie_as_deep_as_they_are_accepted(place):
    name = "/".join([*"d" * 15, "x.js"])
    code = f"module.exports = async (ctx) => ({{body: require('./{name}')}});"
    assert place.put(nodejs={"files": {"index.js": code, name: "module.exports = 7;"}}).status_code == 200
    assert place.embedded.request("GET", place.embedded.run_path(place.boundary, "f"), token=None).json() == 7


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
