"""A client that makes requests up from the OpenAPI document of the site finds no way to make it fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from pytest_django.live_server_helper import LiveServer

from tenants.models import Function, Tenant
from tenants.services import functions, starters, tokens
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit, running
from tests.tenants.conftest import import_client
from tests.tenants.test_against_fusebit import work

EXAMPLES = 15
RELAXED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
STREAMS = ("/logs/",)  # these do not end by themselves


@pytest.fixture
def fusebit(transactional_db: None, tmp_path: Path) -> Any:
    with running() as server:
        import_client(server, tmp_path)
        yield server


def function_of(tenant: Tenant) -> Function:
    """A function that is there and live, whatever the requests before have done."""
    ada = tenant.members.get(first_name="Ada")
    found = tenant.functions.filter(name="hello", deleted_at=None, deployment__absent=False).first()
    if found is None:
        found = functions.create(tenant=tenant, name="hello", starter=starters.blank(), author=ada)
        work()
    return found


def checking(known: dict[str, Any], token: str) -> Callable[[Any], None]:
    """Return what is done with each request that was made up: send it, about things that exist where it can be."""

    def check(case: Any) -> None:
        named = case.path_parameters or {}
        case.path_parameters = {name: known.get(name, value) for name, value in named.items()}
        answer = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    return check


@pytest.mark.processes
def test_no_request_that_the_document_describes_makes_a_server_error(
    live_server: LiveServer, fusebit: EmbeddedFusebit, settings: Any
) -> None:
    settings.API_RATE = settings.API_RUN_RATE = "1000000/min"
    ada = person("ada")
    tenant = founded(ada)
    work()
    schema = Client().get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    document = schemathesis.openapi.from_dict(schema)
    document.config.update(base_url=live_server.url)
    tried = 0

    for result in document.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(STREAMS):
            continue
        _, token = tokens.create(user=ada, name="made up")
        known = {"slug": tenant.slug, "name": function_of(tenant).name, "number": 1}
        RELAXED(given(operation.as_strategy())(checking(known, token)))()
        tokens.revoke(row=tokens.of_person(ada, tenant)[0], actor=ada)
        tried += 1

    assert tried > 30
