"""Keys, profiles and a server to speak to."""

import json
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fusebit_bridge import connection, keyring, tokens
from fusebit_bridge.credentials import PrivateKey
from tests.fusebit_bridge.wire import Wire, serving
from tests.fusebit_process import EmbeddedFusebit, running

ACCOUNT = "acc-00112233445566aa"
SUBSCRIPTION = "sub-00112233445566bb"


def pem_of(key: object) -> str:
    return key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="session")
def pem() -> str:
    """The client's private key; the same for all tests, because making one takes long."""
    return pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture(scope="session")
def other_pem() -> str:
    return pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture
def key(pem: str) -> PrivateKey:
    return PrivateKey(pem, key_id="1a2b3c4d", algorithm="RS256")


@pytest.fixture
def profile(key: PrivateKey, pem: str) -> Callable[..., str]:
    """Return a function that makes a profile's JSON; `pki` members are given as `pki__name`, None leaves one out."""

    def make(**changes: object) -> str:
        pki = {
            "issuer": "0a1b2c3d.clt-00112233445566cc.localhost",
            "subject": "cli-0a1b2c3d",
            "kid": key.key_id,
            "type": "pki",
            "algorithm": "RS256",
            "audience": "http://localhost:3001",
            "privateKey": pem,
            "publicKey": key.public_pem,
        }
        members: dict[str, object] = {
            "id": "backend",
            "displayName": "backend",
            "baseUrl": "http://localhost:3001",
            "account": ACCOUNT,
            "subscription": SUBSCRIPTION,
            "type": "pki",
            "pki": pki,
        }
        for name, value in changes.items():
            target, member = (pki, name[5:]) if name.startswith("pki__") else (members, name)
            if value is None:
                target.pop(member)
            else:
                target[member] = value  # type: ignore[index]
        return json.dumps(members)

    return make


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server on loopback that answers what the test says."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedFusebit]:
    """The embedded Fusebit in a process of its own."""
    with running() as fusebit:
        yield fusebit


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Let no test sign with what another one left in the process."""
    yield
    tokens.forget_tokens()
    keyring.forget()
    connection.requestor.cache_clear()


@pytest.fixture
def secret_shows(pem: str) -> Callable[[str], bool]:
    """Return a function that tells whether any 20 characters of the private key are in a text."""
    secret = "".join(pem.split("\n")[1:-2])
    public = PrivateKey(pem, key_id="k", algorithm="RS256").public_pem.replace("\n", "")
    windows = [secret[start : start + 20] for start in range(len(secret) - 20)]
    private = [window for window in windows if window not in public]

    def shows(text: str) -> bool:
        flat = text.replace("\n", "").replace("\\n", "")
        return any(window in flat for window in private)

    return shows
