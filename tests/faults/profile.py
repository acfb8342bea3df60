"""A client of the embedded Fusebit that may also keep its own issuer and ours, imported."""

import json
import uuid
from pathlib import Path
from urllib.parse import quote

from tests.fusebit_process import EmbeddedFusebit, Signer


def client_of(fusebit: EmbeddedFusebit, directory: Path) -> None:
    """Set a client up and import it in place of the one before."""
    from django.core.management import call_command

    from fusebit_bridge.models import TenantIssuer

    ours = TenantIssuer.objects.get(is_ours=True).issuer_id
    signer = Signer.generate(f"client-{uuid.uuid4().hex[:8]}", "cli-backend")
    body = {"publicKeys": [{"keyId": signer.kid, "publicKey": signer.public_pem}]}
    assert fusebit.request("POST", f"{fusebit.account}/issuer/{signer.issuer}", json=body).status_code == 200
    allow = [
        {"action": "user:*", "resource": f"{fusebit.account}/"},
        {"action": "function:*", "resource": f"{fusebit.subscription}/"},
        *(
            {"action": "issuer:*", "resource": f"{fusebit.account}/issuer/{quote(issuer, safe='')}/"}
            for issuer in (ours, signer.issuer)
        ),
    ]
    client = {"identities": [{"issuerId": signer.issuer, "subject": signer.subject}], "access": {"allow": allow}}
    assert fusebit.request("POST", f"{fusebit.account}/client", json=client).status_code == 200
    profile = {
        "id": "backend", "baseUrl": fusebit.base_url, "account": fusebit.account_id, "type": "pki",
        "subscription": fusebit.subscription_id,
        "pki": {
            "issuer": signer.issuer, "subject": signer.subject, "kid": signer.kid, "type": "pki",
            "algorithm": "RS256", "audience": fusebit.base_url, "privateKey": signer.private_pem,
            "publicKey": signer.public_pem,
        },
    }  # fmt: skip
    file = directory / "embedded.json"
    file.write_text(json.dumps(profile))
    file.chmod(0o600)
    with (directory / "import.log").open("a") as log:
        call_command("import_client", str(file), stdout=log, stderr=log)
    file.unlink()
