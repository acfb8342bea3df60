"""The cast in the database, and a real Fusebit with our client set up at it."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command

from tenants.models import Deployment, FusebitUser, Tenant
from tenants.services.work import Worker
from tests.cast import Cast, assemble, founded, person
from tests.fusebit_process import EmbeddedFusebit, Signer, running


@pytest.fixture
def cast(db: None) -> Cast:
    """Ada, Ben, Cy and Op."""
    return assemble()


@pytest.fixture(scope="session")
def shared_fusebit() -> Iterator[EmbeddedFusebit]:
    """The embedded Fusebit, shared by the session."""
    with running() as fusebit:
        yield fusebit


def client_profile(fusebit: EmbeddedFusebit, tenant_issuer: str) -> dict[str, Any]:
    """A client with the guide's rights and the right to register `tenant_issuer`, as the profile that is exported."""
    signer = Signer.generate(f"client-{uuid.uuid4().hex[:8]}", "cli-backend")
    body = {"publicKeys": [{"keyId": signer.kid, "publicKey": signer.public_pem}]}
    assert fusebit.request("POST", f"{fusebit.account}/issuer/{signer.issuer}", json=body).status_code == 200
    allow = [
        {"action": "user:*", "resource": f"{fusebit.account}/"},
        {"action": "function:*", "resource": f"{fusebit.subscription}/"},
        {"action": "issuer:*", "resource": f"{fusebit.account}/issuer/{quote(tenant_issuer, safe='')}/"},
    ]
    client = {"identities": [{"issuerId": signer.issuer, "subject": signer.subject}], "access": {"allow": allow}}
    assert fusebit.request("POST", f"{fusebit.account}/client", json=client).status_code == 200
    return {
        "id": "backend",
        "displayName": "backend",
        "baseUrl": fusebit.base_url,
        "account": fusebit.account_id,
        "subscription": fusebit.subscription_id,
        "type": "pki",
        "pki": {
            "issuer": signer.issuer,
            "subject": signer.subject,
            "kid": signer.kid,
            "type": "pki",
            "algorithm": "RS256",
            "audience": fusebit.base_url,
            "privateKey": signer.private_pem,
            "publicKey": signer.public_pem,
        },
    }


def import_client(fusebit: EmbeddedFusebit, directory: Path) -> None:
    """Set up a client at `fusebit` and import it into the bridge."""
    tenant_issuer = f"onboarding-{uuid.uuid4().hex[:16]}"
    file = directory / "client.json"
    file.write_text(json.dumps(client_profile(fusebit, tenant_issuer)))
    file.chmod(0o600)
    call_command("import_client", str(file), tenant_issuer=tenant_issuer)


@pytest.fixture
def embedded(db: None, shared_fusebit: EmbeddedFusebit, tmp_path: Path) -> EmbeddedFusebit:
    """A Fusebit that the bridge is set up for."""
    import_client(shared_fusebit, tmp_path)
    return shared_fusebit


def work() -> None:
    """Let the worker take every due row as far as it goes."""
    for _ in range(6):
        FusebitUser.objects.exclude(next_attempt_at=None).make_due()
        Deployment.objects.exclude(next_attempt_at=None).make_due()
        Worker().run_once()


@pytest.fixture
def ada_at_home(embedded: EmbeddedFusebit) -> Tenant:
    """Ada's tenant, set up to the end."""
    tenant = founded(person("ada"))
    work()
    return tenant
