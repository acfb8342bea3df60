"""Every call is a row: those that bypass the site, those that were refused, and what the site adds to its own."""

import json
from datetime import timedelta

import pytest
import responses
from django.test import Client
from django.utils import timezone

from tenants.errors import NotReady
from tenants.models import Function, Run, RunBody, Tenant
from tenants.services import bodies, catalogue, functions, invocations, mirroring, replays
from tests.cast import Cast
from tests.fusebit_process import EmbeddedFusebit
from tests.processes import until

pytestmark = [pytest.mark.django_db, pytest.mark.processes]
FAILING = "module.exports = async (ctx) => { console.log('before'); throw new Error('no ' + ctx.query.what); };\n"
FIXED = "module.exports = async (ctx) => ({ body: [ctx.method, ctx.query, ctx.body] });\n"


def deployed(tenant: Tenant, code: str) -> Function:
    """Ada's function with this code, live."""
    hello, ada = tenant.functions.get(), tenant.members.get()
    base = hello.latest.number
    version = functions.save(
        function=hello, change=functions.Change(files={"index.js": code}), base_version=base, author=ada
    )
    assert functions.deploy(function=hello, version=version, author=ada).last_error == ""
    return Function.objects.select_related("tenant", "deployment__live_version").get(pk=hello.pk)


def copied(tenant: Tenant, wanted: int) -> list[Run]:
    """The rows, once Fusebit has written down so many runs."""

    def is_there() -> bool:
        Tenant.objects.filter(pk=tenant.pk).update(runs_copied_at=None)
        mirroring.catch_up(tenant=Tenant.objects.get(pk=tenant.pk))
        return tenant.runs.exclude(remote_id="").count() >= wanted

    until(is_there, f"{wanted} runs", 30)
    return list(tenant.runs.order_by("created_at"))


def test_a_refused_call_from_outside_is_a_row_that_names_the_missing_statement(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    location = ada_at_home.functions.get().deployment.location
    assert embedded.request("GET", f"{location}/orders?secret=1", token=None).status_code == 403

    (run,) = copied(ada_at_home, 1)

    assert (run.status, run.cause, run.method, run.path) == (403, "auth_missing", "GET", "/orders")
    assert run.function == ada_at_home.functions.get()
    assert run.actor is None
    assert catalogue.CAUSES[run.cause].whose == catalogue.CALLER


def test_a_call_through_the_site_is_one_row_that_both_know(ada_at_home: Tenant) -> None:
    ada = ada_at_home.members.get()
    hello = deployed(ada_at_home, FAILING)

    outcome = invocations.run(function=hello, actor=ada, call=invocations.Call(query=(("what", "luck"),)))
    (run,) = copied(ada_at_home, 1)

    assert run.pk == outcome.run.pk
    assert (run.actor, run.version_number, run.cause, run.message) == (ada, 2, "code_error", "no luck")
    assert run.remote_id
    assert run.trace_id == outcome.run.trace_id
    assert [entry["action"] for entry in run.permissions] == ["function:execute"]


def test_a_body_that_fusebit_quotes_in_its_error_is_written_down_on_any_database(ada_at_home: Tenant) -> None:
    hello, ada = ada_at_home.functions.get(), ada_at_home.members.get()

    run = invocations.run(function=hello, actor=ada, call=invocations.Call(method="PUT", body=b"\0")).run

    assert run.status == 400
    assert "\0" not in Run.objects.get(pk=run.pk).message


def test_the_version_of_a_call_from_outside_is_ours(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    hello = deployed(ada_at_home, FIXED)
    functions.deploy(function=hello, version=hello.versions.get(number=1), author=ada_at_home.members.get())
    assert embedded.request("GET", hello.deployment.location).status_code == 200

    (run,) = copied(ada_at_home, 1)

    assert run.version_number == 1


def test_a_call_of_nothing_is_a_row_of_the_tenant(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    location = ada_at_home.functions.get().deployment.location
    assert embedded.request("GET", location.replace("/hello", "/helo")).status_code == 404

    (run,) = copied(ada_at_home, 1)

    assert (run.function, run.function_name, run.cause) == (None, "helo", "not_found")


def test_copying_twice_makes_no_row_twice_and_at_most_one_question_a_second(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    embedded.request("GET", ada_at_home.functions.get().deployment.location)
    copied(ada_at_home, 1)
    Tenant.objects.update(runs_cursor="", runs_copied_at=None)

    first = mirroring.catch_up(tenant=Tenant.objects.get())
    second = mirroring.catch_up(tenant=Tenant.objects.get())

    assert (first, second) == (1, 0)
    assert Run.objects.count() == 1


def test_a_failed_call_is_replayed_on_a_version_that_is_not_live(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    ada = ada_at_home.members.get()
    hello = deployed(ada_at_home, FAILING)
    call = invocations.Call(method="POST", query=(("what", "luck"),), body=b'{"n": 1}')
    failed = invocations.run(function=hello, actor=ada, call=call, from_panel=True).run
    fixed = functions.save(
        function=hello, change=functions.Change(files={"index.js": FIXED}), base_version=2, author=ada
    )

    (done,) = replays.replay(runs=[failed], function=hello, version=fixed, actor=ada)

    assert done.run is not None
    assert (done.run.status, done.run.version_number, done.run.function) == (200, 3, hello)
    kept = bodies.of(done.run)
    assert kept is not None
    assert json.loads(kept.body) == ["POST", {"what": "luck"}, {"n": 1}]
    listed = embedded.request("GET", f"{embedded.boundary(ada_at_home.boundary_id)}/function").json()["items"]
    assert [entry["functionId"] for entry in listed] == ["hello"]  # the scratch copy is gone
    assert hello.deployment.live_version.number == 2


def test_a_webhook_from_outside_is_replayed_with_the_body_that_a_person_pastes(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    ada, hello = ada_at_home.members.get(), deployed(ada_at_home, FIXED)
    assert embedded.request("POST", f"{hello.deployment.location}/hook", json={"order": 42}).status_code == 200
    (run,) = copied(ada_at_home, 1)
    browser = Client()
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    form = {"version": 2, "method": "POST", "path": "/hook", "query": "a=1", "body": '{"order": 43}', "identity": "me"}
    shown = browser.post(f"/t/{ada_at_home.slug}/runs/{run.pk}/replay/", form, follow=True).content.decode()

    assert bodies.of(run) is None
    assert "Sent again; this is the new call, on v2." in shown
    kept = bodies.of(hello.runs.exclude(pk=run.pk).get())
    assert kept is not None
    assert json.loads(kept.body) == ["POST", {"a": "1"}, {"order": 43}]


def test_all_failed_calls_are_sent_again_and_the_page_says_how_many_went_well(ada_at_home: Tenant) -> None:
    ada, hello = ada_at_home.members.get(), deployed(ada_at_home, FAILING)
    for _ in range(3):
        invocations.run(function=hello, actor=ada, call=invocations.Call(), from_panel=True)
    invocations.run(function=hello, actor=ada, call=invocations.Call(identity="anonymous"), from_panel=True)
    functions.save(function=hello, change=functions.Change(files={"index.js": FIXED}), base_version=2, author=ada)
    browser = Client()
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    address = f"/t/{ada_at_home.slug}/functions/hello/runs/replay/"
    answer = browser.post(address, {"version": 3}, follow=True).content.decode()

    assert "Sent 3 failed calls again: 3 went well this time." in answer
    assert hello.runs.filter(version_number=3, status=200).count() == 3


def test_bodies_are_encrypted_and_go_after_a_day(ada_at_home: Tenant) -> None:
    ada, hello = ada_at_home.members.get(), deployed(ada_at_home, FIXED)
    call = invocations.Call(method="POST", body=b'{"card": "4111-1111"}')
    run = invocations.run(function=hello, actor=ada, call=call, from_panel=True).run
    unkept = invocations.run(function=hello, actor=ada, call=call).run

    row = RunBody.objects.get()
    assert row.run == run
    assert "4111" not in row.sealed
    assert timedelta(hours=23) < row.expires_at - timezone.now() <= timedelta(hours=24)
    assert bodies.of(unkept) is None
    RunBody.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert bodies.of(run) is None
    assert bodies.purge() == 1
    with pytest.raises(NotReady):
        replays.replay(runs=[run], function=hello, version=hello.latest, actor=ada)


@pytest.mark.parametrize(
    ("identity", "actions", "status"), [("me", (), 200), ("anonymous", (), 403), ("chosen", ("get",), 403)]
)
def test_a_call_is_made_as_whom_the_person_chose(
    identity: str, actions: tuple[str, ...], status: int, ada_at_home: Tenant
) -> None:
    call = invocations.Call(identity=identity, actions=actions)

    outcome = invocations.run(function=ada_at_home.functions.get(), actor=ada_at_home.members.get(), call=call)

    assert outcome.run.status == status
    assert [entry["action"] for entry in outcome.run.permissions] == {
        "me": ["function:execute"],
        "anonymous": [],
        "chosen": ["function:get"],
    }[identity]


def test_a_plain_fusebit_reports_nothing_and_nothing_breaks(cast: Cast) -> None:
    with responses.RequestsMock() as wire:
        wire.assert_all_requests_are_fired = False

        assert mirroring.reports(mirroring.RUNS) is False
        assert mirroring.catch_up(tenant=cast.tenant) == 0
