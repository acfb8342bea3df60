"""From wanted rows to a real Fusebit and back: access, deployments, calls, and what happens when it is away."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.errors import FusebitUnavailable, NotReady
from tenants.models import Deployment, Function, FusebitUser, Membership, ProvisioningEvent, Role, State, Tenant
from tenants.services import functions, invocations, progress, provisioning, starters
from tenants.services.work import Worker
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.conftest import work

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


def remote_user(embedded: EmbeddedFusebit, subject: str) -> dict[str, object]:
    row = FusebitUser.objects.get(subject=subject)
    answer = embedded.request("GET", f"{embedded.account}/user/{row.remote_user_id}")
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def test_provisioning_ends_with_access_to_exactly_the_own_boundary(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    row = FusebitUser.objects.get()
    boundary = embedded.boundary(ada_at_home.boundary_id)

    remote = remote_user(embedded, "local|ada")

    assert row.is_ready
    assert remote["access"] == {"allow": [{"action": "function:*", "resource": f"{boundary}/"}]}
    assert remote["identities"] == [{"issuerId": row.issuer_id, "subject": "local|ada"}]


def test_the_starter_function_is_deployed_and_greets_by_name(ada_at_home: Tenant) -> None:
    hello = ada_at_home.functions.get()

    outcome = invocations.run(function=hello, actor=person_of(ada_at_home), call=invocations.Call())

    assert progress.is_complete(ada_at_home)
    assert (outcome.run.status, json.loads(outcome.body)) == (200, {"hello": "Ada"})
    assert outcome.run.version_number == 1
    assert [entry["action"] for entry in outcome.run.permissions] == ["function:execute"]


def person_of(tenant: Tenant) -> "object":
    return tenant.members.first()


def test_every_step_is_in_the_ledger(ada_at_home: Tenant) -> None:
    steps = list(ProvisioningEvent.objects.filter(tenant=ada_at_home).values_list("step", flat=True))

    assert steps == ["account", "access", "boundary", "function"]


def test_a_new_function_is_closed_to_callers_without_a_token(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    location = Deployment.objects.get().location

    assert location.startswith(embedded.base_url)
    assert embedded.request("GET", location, token=None).status_code == 403


def test_a_saved_and_deployed_version_is_the_one_that_answers(ada_at_home: Tenant) -> None:
    ada, hello = ada_at_home.members.get(), ada_at_home.functions.get()
    change = functions.Change(files={"index.js": "module.exports = async (ctx) => ({ status: 201, body: 'new' });"})

    version = functions.save(function=hello, change=change, base_version=1, author=ada)
    row = functions.deploy(function=hello, version=version, author=ada)
    outcome = invocations.run(function=hello, actor=ada, call=invocations.Call())

    assert (row.state, row.live_version) == (State.READY, version)
    assert (outcome.run.status, outcome.body, outcome.run.version_number) == (201, b'"new"', 2)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_a_call_carries_method_path_query_and_body(ada_at_home: Tenant, method: str) -> None:
    ada, hello = ada_at_home.members.get(), ada_at_home.functions.get()
    code = "module.exports = async (ctx) => ({ body: [ctx.method, ctx.path, ctx.query, ctx.body] });"
    version = functions.save(
        function=hello, change=functions.Change(files={"index.js": code}), base_version=1, author=ada
    )
    functions.deploy(function=hello, version=version, author=ada)
    call = invocations.Call(method=method, path="/a/b", query=(("q", "1&2"),), body=b'{"n": 1}')

    outcome = invocations.run(function=hello, actor=ada, call=call)

    if method == "HEAD":
        assert outcome.body == b""
    else:
        body = {"n": 1} if method in {"POST", "PUT", "PATCH"} else {}
        assert json.loads(outcome.body) == [method, "/a/b?q=1%262", {"q": "1&2"}, body]


def test_code_that_throws_is_a_run_with_a_cause(ada_at_home: Tenant) -> None:
    ada, hello = ada_at_home.members.get(), ada_at_home.functions.get()
    code = "module.exports = async (ctx) => { throw new Error('Oh no'); };"
    version = functions.save(
        function=hello, change=functions.Change(files={"index.js": code}), base_version=1, author=ada
    )
    functions.deploy(function=hello, version=version, author=ada)

    outcome = invocations.run(function=hello, actor=ada, call=invocations.Call())

    assert (outcome.run.status, outcome.run.cause) == (500, "code_error")
    assert json.loads(outcome.body)["message"] == "Oh no"


def test_a_function_that_is_not_deployed_cannot_be_run(ada_at_home: Tenant) -> None:
    ada = ada_at_home.members.get()
    fresh = functions.create(tenant=ada_at_home, name="fresh", starter=starters.blank(), author=ada)

    with pytest.raises(NotReady):
        invocations.run(function=fresh, actor=ada, call=invocations.Call())


def test_a_deleted_function_is_gone_at_fusebit_and_its_name_is_free(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    ada, hello = ada_at_home.members.get(), ada_at_home.functions.get()
    path = f"{embedded.boundary(ada_at_home.boundary_id)}/function/hello"

    row = functions.delete(function=hello, author=ada)

    assert row.state == State.DELETED
    assert embedded.request("GET", path).status_code == 404
    assert functions.create(tenant=ada_at_home, name="hello", starter=starters.blank(), author=ada)
    assert Function.objects.filter(name="hello").count() == 2


def test_a_viewer_is_really_a_viewer_at_fusebit(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    ben = person("ben")
    founded(ben)
    Membership.objects.create(tenant=ada_at_home, user=ben, role=Role.VIEWER)
    provisioning.look_again(user=ben)
    work()

    allow = remote_user(embedded, "local|ben")["access"]["allow"]  # type: ignore[index]

    shared = f"{embedded.boundary(ada_at_home.boundary_id)}/"
    actions = sorted(entry["action"] for entry in allow if entry["resource"] == shared)
    assert actions == ["function:execute", "function:get", "function:get-log"]


def test_access_that_was_broadened_at_fusebit_is_taken_back(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    row = FusebitUser.objects.get()
    broad = {"access": {"allow": [{"action": "*", "resource": "/"}]}}
    embedded.request("PATCH", f"{embedded.account}/user/{row.remote_user_id}", json=broad)

    provisioning.look_again(user=row.user)
    work()

    allow = remote_user(embedded, "local|ada")["access"]["allow"]  # type: ignore[index]
    assert [entry["action"] for entry in allow] == ["function:*"]


def test_a_user_that_was_deleted_at_fusebit_is_made_again(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    row = FusebitUser.objects.get()
    embedded.request("DELETE", f"{embedded.account}/user/{row.remote_user_id}")

    provisioning.look_again(user=row.user)
    work()

    fresh = FusebitUser.objects.get()
    assert fresh.is_ready
    assert fresh.remote_user_id != row.remote_user_id


def test_the_rest_api_edits_deploys_and_invokes(ada_at_home: Tenant) -> None:
    client = Client()
    client.force_login(ada_at_home.members.get(), backend="django.contrib.auth.backends.ModelBackend")
    base = f"/api/v1/tenants/{ada_at_home.slug}/functions/"

    made = client.post(base, {"name": "api"}, content_type="application/json")
    code = "module.exports = async (ctx) => ({ body: { got: ctx.body } });"
    saved = client.put(
        f"{base}api/",
        {"files": {"index.js": code}, "message": "mine"},
        content_type="application/json",
        headers={"If-Match": made["ETag"]},
    )
    deployed = client.post(f"{base}api/deploy/", {}, content_type="application/json")
    answer = client.post(f"{base}api/invoke/", {"method": "POST", "body": {"n": 1}}, content_type="application/json")
    rolled_back = client.post(f"{base}api/rollback/", {}, content_type="application/json")

    assert (made.status_code, saved.status_code, deployed.status_code) == (201, 200, 200)
    assert deployed.json()["live_version"] == 2
    assert answer.json()["status"] == 200
    assert answer.json()["body"] == {"got": {"n": 1}}
    assert answer.json()["run"]["version_number"] == 2
    assert rolled_back.json()["live_version"] == 1
    assert len(client.get(f"{base}api/runs/").json()["items"]) == 1


def test_when_fusebit_is_away_rows_wait_and_heal_when_it_is_back(
    embedded: EmbeddedFusebit, ada_at_home: Tenant
) -> None:
    ada, hello = ada_at_home.members.get(), ada_at_home.functions.get()
    grace = person("grace")
    embedded.stop(kill=True)
    try:
        tenant = founded(grace)
        Worker().run_once()
        waiting = FusebitUser.objects.get(user=grace)
        with pytest.raises(FusebitUnavailable):
            invocations.run(function=hello, actor=ada, call=invocations.Call())
    finally:
        embedded.start()
    work()

    assert (waiting.state, waiting.error_code) == (State.RETRY, "unreachable")
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at < timezone.now() + timedelta(minutes=5)
    assert progress.is_complete(tenant)
    assert invocations.run(function=hello, actor=ada, call=invocations.Call()).run.status == 200
