"""A Fusebit that speaks the contract and nothing else: functions work, and pages say what it does not report."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tenants.models import BoundaryPolicy, Run, Tenant
from tenants.services import diagnosis, invocations, mirroring, operations
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit, running
from tests.tenants.conftest import import_client, work

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


@pytest.fixture(scope="module")
def shared_plain() -> Iterator[EmbeddedFusebit]:
    """One for the module."""
    with running(module="tests.plain_fusebit") as fusebit:
        yield fusebit


@pytest.fixture
def plain(db: None, shared_plain: EmbeddedFusebit, tmp_path: Path) -> EmbeddedFusebit:
    """A plain Fusebit that the bridge is set up for."""
    import_client(shared_plain, tmp_path)
    return shared_plain


@pytest.fixture
def home(plain: EmbeddedFusebit) -> Tenant:
    """Ada's tenant, set up to the end."""
    tenant = founded(person("ada"))
    work()
    return tenant


def browser(user: User) -> Client:
    """A browser in which the person is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(client: Client, address: str) -> str:
    """The text of a page, blanks folded."""
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_answers_404_to_every_extension(plain: EmbeddedFusebit, home: Tenant) -> None:
    boundary = plain.boundary(home.boundary_id)

    paths = ("/extensions", f"{boundary}/run", f"{boundary}/run/1", f"{boundary}/event", f"{boundary}/policy")

    assert {path: plain.request("GET", path).status_code for path in paths} == dict.fromkeys(paths, 404)


def test_functions_run_and_the_pages_say_what_is_not_reported(home: Tenant) -> None:
    ada, hello = home.members.get(), home.functions.get()
    outcome = invocations.run(function=hello, actor=ada, call=invocations.Call())
    client, base = browser(ada), f"/t/{home.slug}/"

    assert json.loads(outcome.body) == {"hello": "Ada"}
    for runs in (f"{base}runs/", f"{base}functions/hello/runs/"):
        assert "This Fusebit does not report runs" in page(client, runs)
    assert "This Fusebit does not report what functions print" in page(client, f"{base}functions/hello/logs/")
    lines = page(client, f"{base}runs/{outcome.run.pk}/lines/")
    assert "This Fusebit does not report what a call printed." in lines
    assert client.get(f"{base}functions/hello/events/").status_code == 404
    refused = client.get(f"/api/v1/tenants/{home.slug}/functions/hello/logs/")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_reported")
    assert client.get(f"/api/v1/tenants/{home.slug}/functions/hello/runs/").json()["items"][0]["status"] == 200
    assert mirroring.catch_up(tenant=home) == 0
    assert Run.objects.count() == 1


def test_whoever_suspends_is_told_what_goes_on(home: Tenant) -> None:
    op = User.objects.create(username="op", is_staff=True, is_superuser=True)
    ada = home.members.get()
    chosen = {"action": "suspend", "_selected_action": [str(home.pk)]}
    asked = browser(op).post(reverse("admin:tenants_tenant_changelist"), chosen).content.decode()
    assert "This Fusebit has no policies: what anybody may call, and schedules, go on." in asked

    operations.suspend(tenant=home, actor=op)
    work()

    row = BoundaryPolicy.objects.get()
    assert (row.state, row.is_told) == ("ready", False)
    assert home.provisioning_events.filter(step="policy").get().outcome == "this Fusebit has no policies"
    assert "This Fusebit cannot stop all its functions" in page(browser(ada), f"/t/{home.slug}/functions/")
    operations.resume(tenant=home, actor=op)
    work()
    assert "is suspended" not in page(browser(ada), f"/t/{home.slug}/functions/")


def test_doctor_says_that_it_is_not_told_of_a_sandbox(home: Tenant) -> None:
    words = [finding.words for finding in diagnosis.examine() if finding.subject == "sandbox"]

    assert words == ["This Fusebit does not report how it isolates functions."]
