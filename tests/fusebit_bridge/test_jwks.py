"""The key set says what our issuer signs with, to anybody, and nothing more."""

import json
from typing import Any

import jwt
import pytest
from django.test import Client as Browser

from fusebit_bridge import issuers, keyring

pytestmark = pytest.mark.django_db
URL = "/.well-known/jwks.json"


def test_before_an_import_the_set_is_empty(client: Browser) -> None:
    answer = client.get(URL)
    assert (answer.status_code, answer.json()) == (200, {"keys": []})


def test_a_token_of_ours_verifies_with_the_published_key(client: Browser) -> None:
    row = issuers.create("onboarding-1")
    answer = client.get(URL)
    (published,) = answer.json()["keys"]
    assert set(published) == {"kty", "n", "e", "use", "kid", "alg"}
    token = keyring.load(row.key).sign({"sub": "local|1"}, {})
    key = jwt.PyJWK.from_dict(published)
    assert jwt.decode(token, key, algorithms=["RS256"]) == {"sub": "local|1"}
    assert published["kid"] == jwt.get_unverified_header(token)["kid"]


def test_it_is_public_and_may_be_kept_for_a_while(client: Browser) -> None:
    answer = client.get(URL)
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Content-Type"] == "application/json"
    assert client.post(URL).status_code == 405
    assert "Set-Cookie" not in answer


def test_an_elliptic_key_is_published_too() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from fusebit_bridge.credentials import PrivateKey, public_jwk
    from tests.fusebit_bridge.conftest import pem_of

    key = PrivateKey(pem_of(ec.generate_private_key(ec.SECP256R1())), key_id="e", algorithm="ES256")
    members: dict[str, Any] = public_jwk(key.public_pem, key_id="e", algorithm="ES256")
    assert set(members) == {"kty", "crv", "x", "y", "use", "kid", "alg"}
    assert jwt.decode(key.sign({"a": 1}, {}), jwt.PyJWK.from_json(json.dumps(members)), algorithms=["ES256"])
