"""The embedded Fusebit as a vendor's backend sees it: paths without their version, and signers of its own."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from tests import embedded

PERMISSIONS = "https://fusebit.io/permissions"


@dataclass(frozen=True)
class Signer:
    """A key pair with its issuer: what a backend has after "Setting up a Client"."""

    issuer: str
    subject: str
    key: embedded.KeyPair

    @classmethod
    def generate(cls, issuer: str, subject: str) -> "Signer":
        """Make a fresh one."""
        return cls(issuer, subject, embedded.KeyPair())

    @property
    def kid(self) -> str:
        """The id of the key."""
        return self.key.kid

    @property
    def public_pem(self) -> str:
        """The public key as SPKI PEM."""
        return self.key.public_pem

    @property
    def private_pem(self) -> str:
        """The private key as PKCS#8 PEM."""
        return self.key.private_pem

    def token(self, audience: str, *, subject: str = "", permissions: Any = None, **claims: Any) -> str:
        """A token for `audience`, good for an hour unless `claims` say otherwise; a claim of None is left out."""
        now = int(time.time())
        body: dict[str, Any] = {"iss": self.issuer, "sub": subject or self.subject, "aud": audience}
        body |= {"iat": now, "exp": now + 3600}
        if permissions is not None:
            body[PERMISSIONS] = permissions
        body = {name: value for name, value in {**body, **claims}.items() if value is not None}
        return self.key.sign(body, jwtId=secrets.token_hex(16))


class EmbeddedFusebit:
    """A running server, and requests to it as its operator or as anybody else."""

    def __init__(self, server: embedded.EmbeddedFusebit) -> None:
        self.server = server
        self.base_url = server.base_url
        self.account_id = server.account
        self.subscription_id = server.subscription
        self.account = f"/account/{server.account}"
        self.subscription = f"{self.account}/subscription/{server.subscription}"

    def start(self) -> None:
        """Start it, again if need be, on what it stored."""
        self.server.start()

    def stop(self, *, kill: bool = False) -> None:
        """End it, at once when `kill`; what it stored stays."""
        if kill and self.server.process is not None:
            self.server.process.kill()
        self.server.stop(forget=False)

    def boundary(self, name: str) -> str:
        """The path of a boundary."""
        return f"{self.subscription}/boundary/{name}"

    def token(self, **options: Any) -> str:
        """A token of the operator."""
        return self.server.token(**options)

    def request(self, method: str, path: str, *, token: str | None = "", **options: Any) -> requests.Response:
        """Send a request to `/v1` + `path`, or to a whole URL; as the operator unless `token` says otherwise."""
        whole = path.startswith(self.base_url)
        return self.server.request(
            method, path.removeprefix(self.base_url) if whole else f"/v1{path}", token=token, **options
        )


@contextmanager
def running(**options: Any) -> Iterator[EmbeddedFusebit]:
    """An embedded Fusebit that runs while the block does."""
    server = embedded.EmbeddedFusebit(**options)
    try:
        yield EmbeddedFusebit(server.start())
    finally:
        server.stop()
