"""Calls and logs over the REST API, with a real Fusebit behind it: found, explained, sent again, followed live."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.test import AsyncClient

from tenants.models import Deployment, Tenant
from tenants.services import configuration, event_streams, functions, invocations, tokens
from tests.coroutines import completed, in_thread
from tests.fusebit_process import EmbeddedFusebit
from tests.processes import until
from tests.tenants.conftest import work
from tests.tenants.test_api_access import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
CODE = """\
module.exports = async (ctx) => {
  console.log(`said ${ctx.query.n} with ${ctx.configuration.KEY}`);
  if (ctx.query.n === "0") throw new Error("no luck");
  return { body: { n: ctx.query.n } };
};
"""
PATIENCE_S = 30


class Home:
    """Ada's tenant as her script sees it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.ada, self.hello = tenant, tenant.members.get(), tenant.functions.get()
        self.api = Api(self, user=self.ada)  # type: ignore[arg-type]  # has all of the cast that is asked for


@pytest.fixture
def home(ada_at_home: Tenant) -> Home:
    """A function that prints what it is asked and a secret, and that fails when told to."""
    made = Home(ada_at_home)
    configuration.patch(function=made.hello, author=made.ada, secret={"KEY": "very-private"})
    change = functions.Change(files={"index.js": CODE})
    version = functions.save(function=made.hello, change=change, base_version=made.hello.latest.number, author=made.ada)
    functions.deploy(function=made.hello, version=version, author=made.ada)
    work()
    return made


def test_a_call_that_failed_is_found_and_explained(home: Home) -> None:
    failed = home.api("POST", "functions/hello/invoke/", {"query": {"n": "0"}}).json()
    home.api("POST", "functions/hello/invoke/", {"query": {"n": "1"}})

    def one() -> Any:
        found = home.api("GET", "functions/hello/runs/?status=failed").json()["items"]
        assert [row["id"] for row in found] == [failed["run"]["id"]]
        return home.api("GET", f"functions/hello/runs/{found[0]['id']}/").json()

    until(lambda: one()["logs"], "what the call printed")
    assert (failed["status"], one()["cause"]) == (500, "code_error")
    assert one()["explanation"].startswith("The function failed.")
    assert [line["text"] for line in one()["logs"] if "said" in line["text"]] == ["said 0 with •••(KEY)"]


def test_a_call_whose_request_is_kept_is_sent_again(home: Home) -> None:
    call = invocations.Call(query=(("n", "0"),))
    kept = invocations.run(function=home.hello, actor=home.ada, call=call, from_panel=True).run
    dropped = home.api("POST", "functions/hello/invoke/", {}).json()["run"]["id"]

    again = home.api("POST", f"functions/hello/runs/{kept.pk}/replay/", {"version": 1})
    nothing = home.api("POST", f"functions/hello/runs/{dropped}/replay/", {})

    assert (again.json()["run"]["status"], again.json()["run"]["version_number"]) == (200, 1)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "not_ready")
    given = home.api("POST", f"functions/hello/runs/{dropped}/replay/", {"request": {"query": {"n": "3"}}})
    assert given.json()["run"]["status"] == 200


def test_calls_that_bypass_the_site_and_refused_ones_are_listed_too(home: Home, embedded: EmbeddedFusebit) -> None:
    location = Deployment.objects.get(function=home.hello).location
    refused = embedded.request("GET", f"{location}/from-outside", token=None)

    def found() -> list[Any]:
        rows: list[Any] = home.api("GET", "functions/hello/runs/?cause=auth_missing").json()["items"]
        return rows

    until(found, "the refused call in the list")
    assert refused.status_code == 403
    assert [(row["path"], row["status"]) for row in found()] == [("/from-outside", 403)]


def test_lists_go_on_where_they_ended(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.api.runs.PAGE", 2)
    for number in range(1, 4):
        home.api("POST", "functions/hello/invoke/", {"query": {"n": str(number)}})

    first = home.api("GET", "functions/hello/runs/").json()
    second = home.api("GET", f"functions/hello/runs/?before={first['next'].replace('+', '%2B')}").json()

    rows = [row["id"] for row in first["items"] + second["items"]]
    assert (len(rows), len(set(rows)), "next" in second) == (3, 3, False)


def test_a_kept_request_is_sent_by_its_name(home: Home) -> None:
    cases = "functions/hello/cases/"
    kept = home.api("POST", cases, {"name": "Seven", "request": {"query": {"n": "7"}}}).json()
    nobody = home.api("POST", cases, {"name": "Nobody", "request": {"identity": "anonymous"}}).json()

    answer = home.api("POST", f"{cases}{kept['id']}/run/", Idempotency_Key="k-7")
    again = home.api("POST", f"{cases}{kept['id']}/run/", Idempotency_Key="k-7")
    refused = home.api("POST", f"{cases}{nobody['id']}/run/").json()

    assert (answer.json()["status"], answer.json()["body"]) == (200, {"n": "7"})
    assert again.json()["run"]["id"] == answer.json()["run"]["id"]
    assert (refused["status"], refused["run"]["permissions"]) == (403, [])


def test_what_fusebit_answered_is_imported_and_runs(home: Home, embedded: EmbeddedFusebit) -> None:
    path = f"{embedded.boundary(home.tenant.boundary_id)}/function/hello?include=all"
    specification = embedded.request("GET", path).json()

    made = home.api("POST", "import/", {"name": "copied", "specification": specification}, Idempotency_Key="i-1")
    twice = home.api("POST", "import/", {"specification": specification})
    live = home.api("POST", "functions/copied/deploy/", {}).json()
    answer = home.api("POST", "functions/copied/invoke/", {"query": {"n": "3"}}).json()

    assert (made.status_code, made.json()["files"]) == (201, {"index.js": CODE})
    assert made.json()["security"] == home.hello.latest.security
    assert (twice.status_code, twice.json()["code"]) == (409, "name_taken")
    assert (live["is_live"], answer["body"]) == (True, {"n": "3"})


@pytest.mark.parametrize("query", ["status=6xx", "cause=x", "version=0", "since=x", "unknown=1"])
def test_a_filter_that_makes_no_sense_is_refused(home: Home, query: str) -> None:
    assert home.api("GET", f"functions/hello/runs/?{query}").status_code == 400


async def events(stream: AsyncIterator[bytes], wanted: str, count: int) -> list[dict[str, Any]]:
    """The next so many events of a kind, with their ids."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_S):
        async for part in stream:
            lines = dict(line.split(": ", 1) for line in part.decode().splitlines() if ": " in line)
            if lines.get("event") == wanted:
                found.append({"id": lines.get("id"), **json.loads(lines["data"])})
            if len(found) == count:
                break
    return found


async def followed(home: Home) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line as it was printed, and the next one after having come back."""
    address = f"{home.api.base}functions/hello/logs/"
    client = AsyncClient()

    async def say(number: int) -> None:
        call = invocations.Call(query=(("n", str(number)),))
        await in_thread(lambda: invocations.run(function=home.hello, actor=home.ada, call=call))

    first = await client.get(address, headers=home.api.headers)
    assert (first.status_code, first["Content-Type"]) == (200, "text/event-stream")
    stream = first.streaming_content.__aiter__()
    await events(stream, "connected", 1)
    await say(1)
    (one,) = await events(stream, "log", 1)
    await first.streaming_content.aclose()
    await say(2)
    again = await client.get(address, headers={**home.api.headers, "Last-Event-ID": one["id"]})
    (two,) = await events(again.streaming_content.__aiter__(), "log", 1)
    await again.streaming_content.aclose()
    return one, two


def test_logs_are_followed_live_resumed_and_masked(home: Home) -> None:
    one, two = completed(followed(home))

    assert (one["msg"].strip(), two["msg"].strip()) == ("said 1 with •••(KEY)", "said 2 with •••(KEY)")
    assert int(two["id"]) > int(one["id"])


async def cut(home: Home) -> dict[str, Any]:
    """How a stream ends whose token was revoked."""
    answer = await AsyncClient().get(f"{home.api.base}functions/hello/logs/", headers=home.api.headers)
    stream = answer.streaming_content.__aiter__()
    await events(stream, "connected", 1)
    token = home.api.headers["Authorization"].split()[1]
    await in_thread(lambda: tokens.revoke(row=tokens.find(token), actor=home.ada))  # type: ignore[arg-type]  # is there
    (end,) = await events(stream, "end", 1)
    return end


def test_id_22_a_stream_is_cut_soon_after_its_token_was_revoked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert event_streams.CHECK_S + event_streams.ALIVE_S <= 15
    monkeypatch.setattr(event_streams, "CHECK_S", 0.1)
    monkeypatch.setattr(event_streams, "ALIVE_S", 0.1)

    assert completed(cut(home))["reason"] == event_streams.GONE


def test_logs_without_a_good_token_are_refused_in_json(home: Home) -> None:
    async def asked(headers: dict[str, str]) -> tuple[int, str]:
        answer = await AsyncClient().get(f"{home.api.base}functions/hello/logs/", headers=headers)
        return answer.status_code, answer.json()["code"]

    assert completed(asked({})) == (401, "not_authenticated")
    assert completed(asked({"Authorization": "Bearer nothing"})) == (401, "token_refused")
