"""Contract 5.3 to 5.5: dependencies are pinned, fetched once, and a build tells how it went."""

import re
import secrets
import tempfile
import time
from pathlib import Path

import pytest

from fusebit_platform.runtime.errors import NpmFailed
from fusebit_platform.services import dependencies
from tests.embedded import EmbeddedFusebit
from tests.npm_registry import Registry

pytestmark = [pytest.mark.xdist_group("builds"), pytest.mark.rows]  # one server
MARK = Path(tempfile.gettempdir()) / f"a-script-ran-{secrets.token_hex(8)}"
CODE = "module.exports = async (ctx) => ({body: require('greeter')(ctx.query.name)});"
GREETER = {"index.js": "module.exports = (name) => require('shouter')(`hello ${name}`);"}
SHOUTER = {"lib/main.js": "module.exports = (text) => text.toUpperCase();"}


@pytest.fixture(scope="module")
def registry():
    served = Registry()
    served.add("shouter", "2.1.0", SHOUTER, main="lib/main.js")
    served.add("greeter", "1.0.0", GREETER, dependencies={"shouter": "^2.0.0"})
    served.add("greeter", "1.2.0", GREETER, dependencies={"shouter": "^2.0.0"})
    served.add("@scope/thing", "0.1.0", {"index.js": "module.exports = 7;"})
    served.add("lost", "1.0.0")
    served.add("native", "1.0.0", {"index.js": "", "binding.gyp": "{}"})
    served.add("scripted", "1.0.0", {"index.js": "module.exports = 1;"}, scripts={"install": f"touch {MARK}"})
    served.add("needy", "1.0.0", {"index.js": ""}, dependencies={"not-there": "^1.0.0"})
    yield served
    served.close()


@pytest.fixture(scope="module")
def server(registry):
    running = EmbeddedFusebit(environment={"NPM_REGISTRY": registry.url}).start()
    yield running
    running.stop()


class Place:
    """One function of one test, with dependencies."""

    def __init__(self, server: EmbeddedFusebit) -> None:
        self.server, self.boundary = server, f"b-{secrets.token_hex(6)}"
        self.path = server.f(self.boundary, "f")

    def put(self, declared, code=CODE, **package):
        files = {"index.js": code, "package.json": {"dependencies": declared, **package}}
        return self.server.request("PUT", self.path, json={"nodejs": {"files": files}})

    def call(self, query="?name=ada"):
        return self.server.request("GET", f"{self.server.run_path(self.boundary, 'f')}{query}", token=None)

    def tags(self):
        return self.server.request("GET", self.path).json()["runtime"]["tags"]

    def ended(self, build):
        """Poll a build as the command line does."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.server.request("GET", f"{self.path}/build/{build['buildId']}")
            if answer.status_code != 201:
                return answer
            assert answer.json()["status"] in {"pending", "building"}
            time.sleep(0.1)
        raise AssertionError("the build does not end")

    def succeed(self, answer):
        """Wait for what a PUT began; it may have ended within the PUT."""
        assert answer.status_code in {200, 201}, answer.text
        if answer.status_code == 201:
            answer = self.ended(answer.json())
            assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def place(server) -> Place:
    return Place(server)


def test_a_function_uses_its_dependencies_and_what_those_depend_on(place):
    outcome = place.succeed(place.put({"greeter": "^1.0.0", "@scope/thing": "*"}))
    assert (outcome["status"], outcome["version"]) == ("success", 1)
    assert outcome["location"].endswith(f"/{place.boundary}/f")
    assert place.call().json() == "HELLO ADA"
    tags = place.tags()
    assert tags["dependency.version.greeter"] == "1.2.0"
    assert tags["dependency.semver.greeter"] == "^1.0.0"
    assert tags["dependency.registry.greeter"] == "public"


def test_packages_that_are_there_make_a_put_synchronous_for_every_function(place, server):
    place.succeed(place.put({"greeter": "1.2.0"}))
    again = Place(server)
    answer = again.put({"greeter": "1.2.0"})
    assert answer.status_code == 200
    assert "buildId" not in answer.json()
    server.request("DELETE", again.path)
    assert again.put({"greeter": "1.2.0"}).status_code == 200
    assert again.put({"greeter": "1.2.0"}).status_code == 204


def test_versions_stay_pinned_until_the_declaration_changes_or_a_build_is_asked_for(place, registry):
    registry.add("pinned", "1.0.0", {"index.js": "module.exports = 1;"})
    code = "module.exports = async (ctx) => ({body: require('pinned')});"
    place.succeed(place.put({"pinned": "^1.0.0"}, code))
    registry.add("pinned", "1.5.0", {"index.js": "module.exports = 5;"})
    assert place.put({"pinned": "^1.0.0"}, f"{code}//").status_code == 200
    assert place.call().json() == 1
    answer = place.server.request("POST", f"{place.path}/build")
    assert answer.status_code == 201
    built = place.ended(answer.json()).json()
    assert (built["status"], built["version"]) == ("success", 3)
    assert list(built)[:5] == ["status", "subscriptionId", "boundaryId", "functionId", "buildId"]
    assert place.call().json() == 5
    assert place.tags()["dependency.version.pinned"] == "1.5.0"


def test_a_package_json_may_be_text(place):
    files = {"index.js": CODE, "package.json": '{"dependencies": {"greeter": "1.x"}}'}
    place.succeed(place.server.request("PUT", place.path, json={"nodejs": {"files": files}}))
    assert place.call().json() == "HELLO ADA"
    assert place.server.request("GET", place.path).json()["nodejs"]["files"] == files


@pytest.mark.parametrize(
    ("declared", "blamed"),
    [
        ({"no-such-package": "^1.0.0"}, "no-such-package@^1.0.0"),
        ({"greeter": "^9.0.0"}, "greeter@^9.0.0"),
        ({"needy": "*"}, "not-there@^1.0.0"),
    ],
)
def test_what_cannot_be_resolved_is_a_400_that_names_it(place, declared, blamed):
    answer = place.put(declared)
    assert answer.status_code == 400
    assert f"Unable to fully resolve module version for {blamed} from" in answer.json()["message"]
    assert place.server.request("GET", place.path).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        "file:/etc",
        "file:..",
        "..",
        "/etc",
        "~/x",
        "git+ssh://git@example.com/a.git",
        "owner/repository",
        "https://example.com/a.tgz",
        "npm:greeter@1.0.0",
        "link:../x",
        "workspace:*",
        "a.tgz",
        "1.0.0-x.tgz",
        "^1.0.0 && echo",
        "\u00b2",
    ],
)
def test_only_ranges_of_the_registry_are_accepted(place, wanted):
    answer = place.put({"greeter": wanted})
    assert answer.status_code == 400
    text = f"Unable to fully resolve module version for greeter@{wanted} from the npm registry: "
    assert answer.json()["message"].startswith(text)


@pytest.mark.parametrize("name", ["../x", "a/b", "@/x", "a b", "-x y", "UP/x", ".hidden", "_x", "x" * 215, ""])
def test_only_names_of_the_registry_are_accepted(place, name):
    answer = place.put({name: "1.0.0"})
    assert (answer.status_code, "Unable to fully resolve" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    "wanted", ["", "*", "x", "1", "1.x", "^1.2", "~1.0.0", ">=1 <2", "1.0.0 - 1.9.9", "1 || 2", "latest"]
)
def test_every_way_to_write_a_range_is_read(wanted):
    dependencies.check({"greeter": wanted})


@pytest.mark.parametrize("name", ["lost", "native"])
def test_a_build_that_fails_is_told_by_the_build_and_delays_the_next_attempt(place, name):
    answer = place.put({name: "*"})
    assert answer.status_code == 201
    build = answer.json()
    assert list(build) == ["status", "subscriptionId", "boundaryId", "functionId", "buildId", "transitions"]
    failed = place.ended(build)
    body = failed.json()
    assert failed.status_code == body["status"] == body["statusCode"] == 400
    assert "Command failed" in body["message"]
    told = body["properties"]["build"]
    assert (told["status"], told["buildId"], told["functionId"]) == ("failed", build["buildId"], "f")
    assert "failed" in told["transitions"]
    assert told["log"]
    assert body["properties"]["originalError"]["message"] == body["message"]
    assert place.server.request("GET", place.path).status_code == 404
    delayed = place.put({name: "*"})
    assert delayed.status_code == 429
    assert re.fullmatch(
        rf"Module {name}@\d\.0\.0 for runtime v14\.18\.3 failed to build previously and another attempt is delayed "
        r"until \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\.",
        delayed.json()["message"],
    )


@pytest.mark.parametrize("where", ["files", "encodedFiles"])
def test_files_where_the_packages_will_be_are_refused(place, where):
    own = {"node_modules/own/index.js": "1" if where == "files" else {"data": "1", "encoding": "utf8"}}
    files = {"index.js": CODE, "package.json": {"dependencies": {"greeter": "*"}}}
    nodejs = {"files": files | own} if where == "files" else {"files": files, "encodedFiles": own}
    answer = place.server.request("PUT", place.path, json={"nodejs": nodejs})
    told = (answer.status_code, answer.json()["message"])
    assert told == (400, "Files in node_modules can not be combined with dependencies.")
    del nodejs["files"]["package.json"]
    assert place.server.request("PUT", place.path, json={"nodejs": nodejs}).status_code == 200


def test_scripts_of_packages_never_run(place):
    place.succeed(place.put({"scripted": "*"}, "module.exports = async (ctx) => ({body: require('scripted')});"))
    assert place.call().json() == 1
    assert not MARK.exists()


def test_a_function_cannot_change_its_packages(place):
    code = """const fs = require('fs');
module.exports = async (ctx) => {
  try { fs.writeFileSync(require.resolve('shouter'), 'x'); } catch (error) { return {body: error.code}; }
  return {body: 'written'};
};"""
    place.succeed(place.put({"shouter": "*"}, code))
    assert place.call().json() in {"EROFS", "EACCES", "ERR_ACCESS_DENIED"}


def test_an_unknown_build_is_404_and_a_rebuild_without_dependencies_204(place):
    assert place.server.request("POST", f"{place.path}/build").status_code == 404
    place.put({}, "module.exports = async (ctx) => ({});")
    assert place.server.request("POST", f"{place.path}/build").status_code == 204
    assert place.server.request("GET", f"{place.path}/build/nonsense").status_code == 404
    assert place.server.request("POST", f"{place.path}/build", json={"a": 1}).status_code == 413


def test_a_message_blames_the_first_package_when_npm_names_none():
    error = NpmFailed("ECONNREFUSED", "request to http://127.0.0.1:1/a failed, reason: connect refused")
    text = dependencies.unresolved({"a": "^1"}, error)
    expected = "Unable to fully resolve module version for a@^1 from the npm registry: the registry cannot be reached"
    assert text == f"{expected} from here."
