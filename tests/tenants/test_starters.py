"""The templates really do what they say, on a real Fusebit."""

import hashlib
import hmac
import json
import time

import pytest

from tenants.models import Function, Tenant
from tenants.services import configuration, functions, invocations, starters
from tests.fusebit_process import EmbeddedFusebit

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


def created(tenant: Tenant, template: str) -> Function:
    """A function from the template, live."""
    ada = tenant.members.get()
    made = functions.create(tenant=tenant, name=template, starter=starters.templates()[template], author=ada)
    row = functions.deploy(function=made, version=made.latest, author=ada)
    assert row.last_error == ""
    return Function.objects.select_related("tenant", "deployment__live_version").get(pk=made.pk)


def test_the_webhook_receiver_takes_only_what_is_signed(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    hook, ada = created(ada_at_home, "webhook"), ada_at_home.members.get()
    address = f"{hook.deployment.location}/hook"
    assert embedded.request("POST", address, token=None, json={"type": "paid"}).status_code == 503
    version = configuration.patch(function=hook, author=ada, secret={"SIGNING_SECRET": "whsec-1234"})
    assert functions.deploy(function=hook, version=version, author=ada).last_error == ""

    def send(secret: str, age: int = 0) -> int:
        timestamp, body = str(int(time.time()) - age), {"type": "paid", "amount": 42}
        text = f"{timestamp}.{json.dumps(body, separators=(',', ':'))}"
        signature = hmac.digest(secret.encode(), text.encode(), hashlib.sha256).hex()
        headers = {"x-webhook-timestamp": timestamp, "x-webhook-signature": f"sha256={signature}"}
        return int(embedded.request("POST", address, token=None, json=body, headers=headers).status_code)

    assert send("whsec-1234") == 202
    assert send("wrong") == 401
    assert send("whsec-1234", age=3600) == 401
    assert embedded.request("GET", hook.deployment.location, token=None).status_code == 403


def test_the_report_adds_up_and_has_a_schedule(ada_at_home: Tenant) -> None:
    report = created(ada_at_home, "report")

    outcome = invocations.run(function=report, actor=ada_at_home.members.get(), call=invocations.Call())

    assert json.loads(outcome.body)["sum"] == 158.5
    assert report.latest.schedule == {"cron": "0 7 * * 1-5", "timezone": "UTC"}


def test_the_api_answers_each_route_with_its_status(embedded: EmbeddedFusebit, ada_at_home: Tenant) -> None:
    api, ada = created(ada_at_home, "api"), ada_at_home.members.get()

    def call(method: str, path: str, body: object = None) -> tuple[int | None, object]:
        sent = b"" if body is None else json.dumps(body).encode()
        outcome = invocations.run(function=api, actor=ada, call=invocations.Call(method=method, path=path, body=sent))
        return outcome.run.status, json.loads(outcome.body)

    assert call("POST", "/orders", {"item": "tea", "amount": 2}) == (201, {"id": "1", "item": "tea", "amount": 2})
    assert call("GET", "/orders/1?full=1") == (200, {"id": "1", "item": "tea", "amount": 2})
    assert call("POST", "/orders", {"item": "tea"})[0] == 422
    assert call("GET", "/orders/7")[0] == 404
    assert call("DELETE", "/orders") == (405, {"error": "Use GET, POST"})
    assert call("GET", "/nothing")[0] == 404
    assert embedded.request("GET", f"{api.deployment.location}/health", token=None).status_code == 200
    assert embedded.request("GET", f"{api.deployment.location}/orders", token=None).status_code == 403
