"""Runs the embedded Fusebit for tests, with an operator of our own, and speaks to it as any client would."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg import sql

from tests.processes import ROOT, free_port, until

PERMISSIONS = "https://fusebit.io/permissions"


@dataclass(frozen=True)
class Signer:
    """A key pair with its issuer: what a backend has after "Setting up a Client"."""

    issuer: str
    subject: str
    kid: str
    key: rsa.RSAPrivateKey

    @classmethod
    def generate(cls, issuer: str, subject: str) -> "Signer":
        """Make a fresh one."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(issuer, subject, uuid.uuid4().hex[:8], key)

    @property
    def public_pem(self) -> str:
        """The public key as SPKI PEM."""
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(encoding, form).decode()

    @property
    def private_pem(self) -> str:
        """The private key as PKCS#8 PEM."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(encoding, form, serialization.NoEncryption()).decode()

    def token(self, audience: str, *, subject: str = "", permissions: Any = None, **claims: Any) -> str:
        """A token for `audience`, good for an hour unless `claims` say otherwise; a claim of None is left out."""
        now = int(time.time())
        body: dict[str, Any] = {"iss": self.issuer, "sub": subject or self.subject, "aud": audience}
        body |= {"iat": now, "exp": now + 3600}
        if permissions is not None:
            body[PERMISSIONS] = permissions
        body = {name: value for name, value in {**body, **claims}.items() if value is not None}
        headers = {"kid": self.kid, "jwtId": uuid.uuid4().hex}
        return jwt.encode(body, self.key, algorithm="RS256", headers=headers)


def own_database() -> dict[str, str]:
    """Where the suite runs on PostgreSQL, make a database for one embedded Fusebit; return its environment."""
    url = os.environ.get("PLATFORM_DATABASE_URL", "")
    if not url.startswith("postgres"):
        return {}
    name, parts = f"embedded_{uuid.uuid4().hex}", urlsplit(url)
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return {"PLATFORM_DATABASE_URL": parts._replace(path=f"/{name}").geturl()}


class EmbeddedFusebit:
    """The process, its seed, and requests to it."""

    def __init__(self, directory: Path, *, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.base_url = f"http://localhost:{self.port}"
        self.account_id = f"acc-{uuid.uuid4().hex[:16]}"
        self.subscription_id = f"sub-{uuid.uuid4().hex[:16]}"
        self.operator = Signer.generate("operator-issuer", "operator")
        self.account = f"/account/{self.account_id}"
        self.subscription = f"{self.account}/subscription/{self.subscription_id}"
        self._environment = {**own_database(), **(environment or {})}
        self._session = requests.Session()
        self._session.trust_env = False
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "seed.json").write_text(json.dumps(self.seed()))
        self._process: subprocess.Popen[bytes] | None = None

    def seed(self) -> dict[str, Any]:
        """The seed file: one account, one subscription, one issuer, and a user who may do everything."""
        identity = {"issuerId": self.operator.issuer, "subject": self.operator.subject}
        return {
            "baseUrl": self.base_url,
            "audience": self.base_url,
            "account": {"id": self.account_id, "displayName": "Tests", "primaryEmail": "op@example.com"},
            "subscription": {"id": self.subscription_id, "displayName": "Tests"},
            "issuer": {
                "id": self.operator.issuer,
                "displayName": "Operators",
                "publicKeys": [{"keyId": self.operator.kid, "publicKey": self.operator.public_pem}],
            },
            "user": {
                "id": f"usr-{uuid.uuid4().hex[:16]}",
                "firstName": "Op",
                "primaryEmail": "op@example.com",
                "identities": [identity],
                "access": {"allow": [{"action": "*", "resource": "/"}]},
            },
            "registry": {"id": "default", "scopes": ["@fuse-tests"]},
        }

    def start(self) -> None:
        """Start the process and wait for its Ready line."""
        command = [
            *(sys.executable, "-m", "fusebit_platform", "--port", str(self.port), "--base-url", self.base_url),
            *("--data-dir", str(self.directory / "platform"), "--seed", str(self.directory / "seed.json")),
        ]
        names = ("PATH", "HOME", "LANG", "NODE_BINARY")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        self._log = (self.directory / "log").open("wb")
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**kept, **self._environment}, stdout=self._log, stderr=self._log
        )
        until(self._is_ready, f"the embedded Fusebit being ready ({self.directory / 'log'})")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        return f"Ready: {self.base_url}" in (self.directory / "log").read_text()

    def stop(self, *, kill: bool = False) -> None:
        """End the process, at once when `kill`."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(15)
        self._process = None
        self._log.close()

    def boundary(self, name: str) -> str:
        """The path of a boundary."""
        return f"{self.subscription}/boundary/{name}"

    def token(self, **options: Any) -> str:
        """A token of the operator."""
        return self.operator.token(self.base_url, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """Send a request to `/v1` + `path`, or to a whole URL; as the operator unless `token` says otherwise."""
        url = path if path.startswith("http") else f"{self.base_url}/v1{path}"
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token()}"
        return self._session.request(method, url, headers=sent, timeout=60, allow_redirects=False, **options)


@contextmanager
def running(directory: Path, **options: Any) -> Iterator[EmbeddedFusebit]:
    """An embedded Fusebit that runs while the block does."""
    fusebit = EmbeddedFusebit(directory, **options)
    try:
        fusebit.start()
        yield fusebit
    finally:
        fusebit.stop()
