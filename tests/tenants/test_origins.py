"""The CORS list, as pages of sites and everybody else meet it at a real Fusebit."""

from typing import Any

import pytest
import requests

from tenants.errors import InvalidInput
from tenants.models import Function, Tenant
from tenants.services import comparisons, configuration, deployments, functions, live, origins
from tests.fusebit_process import EmbeddedFusebit

pytestmark = [pytest.mark.django_db, pytest.mark.processes]
SHOP = "https://shop.example.com"
OTHER = {"Origin": "https://elsewhere.example.com"}
LISTED = {origins.NAME: f"{SHOP}, http://localhost:3000"}
ASYNC = "module.exports = async (ctx) => ({ headers: { Vary: 'accept' }, body: { ran: ctx.path } }) // no newline"
CALLBACK = "module.exports = (ctx, cb) => cb(null, { body: { ran: ctx.path } });"


def fresh(tenant: Tenant) -> Function:
    """The tenant's function with what is deployed now."""
    return Function.objects.select_related("tenant", "deployment__live_version").get(tenant=tenant, deleted_at=None)


def go_live(tenant: Tenant, code: str, configuration: dict[str, str]) -> str:
    """Make a public version live; return where it answers."""
    hello, ada = fresh(tenant), tenant.members.get()
    change = functions.Change(files={"index.js": code}, configuration=configuration, security={})
    version = functions.save(function=hello, change=change, base_version=hello.latest.number, author=ada)
    row = functions.deploy(function=hello, version=version, author=ada)
    assert row.last_error == ""
    return str(row.location)


def call(location: str, **headers: str) -> requests.Response:
    """Call as a page or a program does."""
    return requests.get(f"{location}/x", headers=headers, timeout=30)


@pytest.mark.parametrize("code", [ASYNC, CALLBACK])
def test_only_pages_of_listed_sites_reach_the_code(ada_at_home: Tenant, code: str) -> None:
    location = go_live(ada_at_home, code, LISTED)

    refused, page, program = call(location, **OTHER), call(location, Origin=SHOP), call(location)

    assert (refused.status_code, "ran" in refused.text) == (403, False)
    assert refused.json()["message"] == "Pages of https://elsewhere.example.com may not call this function."
    assert (page.status_code, page.headers["access-control-allow-origin"]) == (200, SHOP)
    assert "origin" in page.headers["vary"].lower()
    assert (program.status_code, program.json()) == (200, {"ran": "/x"})
    assert program.headers["access-control-allow-origin"] == "*"


def test_without_a_list_pages_of_every_site_may_call(ada_at_home: Tenant) -> None:
    location = go_live(ada_at_home, ASYNC, {})

    assert (call(location, **OTHER).status_code, call(location, Origin="null").status_code) == (200, 200)
    go_live(ada_at_home, ASYNC, {origins.NAME: "*"})
    assert call(location, **OTHER).status_code == 200
    go_live(ada_at_home, ASYNC, LISTED)
    assert call(location, Origin="null").status_code == 403


def test_the_guard_is_confirmed_and_never_becomes_part_of_what_people_wrote(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    go_live(ada_at_home, ASYNC, LISTED)
    hello, ada = fresh(ada_at_home), ada_at_home.members.get()
    path = f"{embedded.boundary(ada_at_home.boundary_id)}/function/hello"
    held = embedded.request("GET", f"{path}?include=all").json()

    assert sorted(held["nodejs"]["files"]) == [origins.FILE, "index.js"]
    assert live.observe(function=hello, person=ada).kind == live.SAME
    without = {**held, "nodejs": {"files": {"index.js": ASYNC}}}
    put = {name: without[name] for name in ("nodejs", "configuration")}
    assert embedded.request("PUT", path, json=put).status_code == 200
    assert live.observe(function=fresh(ada_at_home), person=ada).kind == live.DIFFERENT
    put["nodejs"] = {"files": origins.guarded({"index.js": ASYNC, "a.js": "1;"}, LISTED)}
    assert embedded.request("PUT", path, json=put).status_code == 200
    assert live.adopt(function=fresh(ada_at_home), author=ada).files["index.js"] == ASYNC


def test_nobody_can_save_a_file_under_the_guards_name(ada_at_home: Tenant) -> None:
    change = functions.Change(files={"index.js": ASYNC, origins.FILE: "1;"})

    with pytest.raises(InvalidInput, match="cannot be the name of a file"):
        functions.save(function=fresh(ada_at_home), change=change, base_version=1, author=ada_at_home.members.get())


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("plain", "shop.example.com", "is not an origin"),
        ("plain", f"{SHOP}, https://a.example/path", "is not an origin"),
        ("secret", SHOP, "which is no secret"),
    ],
)
def test_a_list_that_could_not_work_is_refused_wherever_it_is_set(
    ada_at_home: Tenant, kind: str, value: str, words: str
) -> None:
    hello, ada = fresh(ada_at_home), ada_at_home.members.get()

    with pytest.raises(InvalidInput, match=words):
        configuration.patch(function=hello, author=ada, **{kind: {origins.NAME: value}})

    configuration.patch(function=hello, author=ada, plain={origins.NAME: f"{SHOP}, http://localhost:3000, *"})
    assert fresh(ada_at_home).latest.number == 2


@pytest.mark.parametrize("code", ["module.exports = 1;", "module.exports = [1, 2];", "module.exports = async () => 1;"])
def test_what_cannot_be_called_is_said_as_without_a_list(ada_at_home: Tenant, code: str) -> None:
    def said(configuration: dict[str, str]) -> Any:
        answer = call(go_live(ada_at_home, code, configuration))
        return answer.status_code, answer.headers["x-fx-response-source"], answer.json()["message"]

    assert said({}) == said(LISTED)


def test_a_version_says_in_words_whose_pages_may_call(ada_at_home: Tenant) -> None:
    old = fresh(ada_at_home).latest
    new = comparisons.Content(files=old.files, configuration={origins.NAME: SHOP}, security=old.security)

    changes = comparisons.settings_between(comparisons.of_version(old), new)

    assert changes == [comparisons.SettingChange("CORS list", "Pages of every site.", f"Pages of {SHOP}.")]
    assert "nodejs" in deployments.specification(old)
