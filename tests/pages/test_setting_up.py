"""The page of setting up follows the ledger, by a stream where there is one, and operators see the same rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from tenants.models import FusebitUser, ProvisioningEvent, State
from tenants.views import home
from tests.cast import Cast
from tests.pages.conftest import SignedIn


def test_the_ledger_is_on_the_page_with_cause_and_reference(cast: Cast, signed_in: SignedIn) -> None:
    FusebitUser.objects.filter(user=cast.cy).update(state=State.RETRY, error_code="unreachable")
    tenant = cast.cy.memberships.get().tenant
    ProvisioningEvent.objects.create(
        tenant=tenant, step="access", subject="local|cy", outcome="will be tried again", cause="unreachable",
        reference_id="ref-42",
    )  # fmt: skip

    page = signed_in(cast.cy).get(f"/t/{tenant.slug}/setup/").content.decode()

    assert "account: recorded" in page
    assert "access: will be tried again (unreachable) <code>ref-42</code>" in page


def test_a_new_row_is_a_change_that_polling_sees(cast: Cast, signed_in: SignedIn) -> None:
    tenant, client = cast.cy.memberships.get().tenant, signed_in(cast.cy)
    seen = client.get(f"/t/{tenant.slug}/setup/").context["seen"]
    url, asks = f"/t/{tenant.slug}/setup/?seen={seen}", {"HX-Request": "true"}

    before = client.get(url, headers=asks).status_code
    ProvisioningEvent.objects.create(tenant=tenant, step="access", subject="local|cy", outcome="created")

    assert before == 204
    assert client.get(url, headers=asks).status_code == 200


def told(stream: Any) -> list[dict[str, Any]]:
    """The events of a stream until it ends."""

    async def read() -> list[str]:
        content: AsyncIterator[bytes] = stream.streaming_content
        return [chunk.decode() async for chunk in content]

    found = []
    for chunk in async_to_sync(read)():
        lines = dict(line.split(": ", 1) for line in chunk.strip().splitlines())
        found.append({**json.loads(lines["data"]), "id": lines.get("id", ""), "event": lines["event"]})
    return found


@pytest.mark.django_db(transaction=True)
def test_the_stream_tells_every_row_once_and_resumes(
    cast: Cast, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "STREAM_S", 0.05)
    tenant = cast.cy.memberships.get().tenant
    row = ProvisioningEvent.objects.create(tenant=tenant, step="access", subject="local|cy", outcome="created")

    async def ask(last: str) -> Any:
        client = AsyncClient()
        await client.aforce_login(cast.cy, backend="django.contrib.auth.backends.ModelBackend")
        return await client.get(f"/t/{tenant.slug}/setup/events/", headers={"Last-Event-ID": last})

    first = told(asyncio.run(ask("")))
    again = told(asyncio.run(ask(str(row.pk))))

    assert [event["outcome"] for event in first if event["event"] == "step"] == ["recorded", "created"]
    assert [event["event"] for event in again] == ["end"]
    assert signed_in(cast.ada).get(f"/t/{tenant.slug}/setup/events/").status_code == 404
