"""The embedded Fusebit as a test sees it: a real process on a free port, seeded with Ada, its operator."""

import base64
import json
import os
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ROOT = Path(__file__).resolve().parent.parent
READY_S = 30
STOP_S = 10


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class KeyPair:
    """An RSA key that signs tokens by the book, with nothing of the product's own code."""

    def __init__(self, kid: str = "") -> None:
        self.kid = kid or secrets.token_hex(4)
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_pem(self) -> str:
        public = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return public.decode()

    @property
    def private_pem(self) -> str:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def entry(self) -> dict[str, str]:
        """The key as an issuer registers it."""
        return {"keyId": self.kid, "publicKey": self.public_pem}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return an RS256 token."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid, **header}
        signed = f"{part(head)}.{part(claims)}"
        signature = self.private.sign(signed.encode(), PKCS1v15(), SHA256())
        return f"{signed}.{encode(signature)}"


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def part(value: Any) -> str:
    return encode(json.dumps(value).encode())


class Database:
    """A database of one server's own, where the run is on PostgreSQL."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self.name = f"embedded_{secrets.token_hex(6)}"
        self._server = urlunsplit(parts._replace(path="/postgres"))
        self.url = urlunsplit(parts._replace(path=f"/{self.name}"))
        self._execute(f'CREATE DATABASE "{self.name}"')

    @classmethod
    def of_this_run(cls) -> "Database | None":
        """Return a new database on the PostgreSQL of this run, or None on SQLite."""
        url = os.environ.get("PLATFORM_DATABASE_URL", "")
        return cls(url) if url.startswith("postgres") else None

    def drop(self) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)


class EmbeddedFusebit:
    """One running server; Ada's identity may do everything."""

    def __init__(
        self,
        *,
        environment: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        limits: dict[str, int] | None = None,
        module: str = "fusebit_platform",
    ) -> None:
        self.port = free_port()
        self.base_url = f"http://localhost:{self.port}"
        self.directory = Path(tempfile.mkdtemp(prefix="embedded-"))
        self.account = f"acc-{secrets.token_hex(8)}"
        self.subscription = f"sub-{secrets.token_hex(8)}"
        self.user = f"usr-{secrets.token_hex(8)}"
        self.issuer = f"operator-{secrets.token_hex(4)}"
        self.subject = "ada"
        self.key = KeyPair()
        self.environment = {"PLATFORM_DATABASE_URL": "", **(environment or {})}
        self.database = Database.of_this_run()
        if self.database is not None:
            self.environment["PLATFORM_DATABASE_URL"] = self.database.url
        self.arguments = arguments
        self.module = module
        self.limits = limits or {}
        self.session = requests.Session()
        self.process: subprocess.Popen[str] | None = None

    @property
    def seed(self) -> dict[str, Any]:
        return {
            "baseUrl": self.base_url,
            "audience": self.base_url,
            "account": {"id": self.account, "displayName": "Tests", "primaryEmail": "ada@example.com"},
            "subscription": {"id": self.subscription, "displayName": "Tests", "limits": self.limits},
            "issuer": {"id": self.issuer, "displayName": "Operator", "publicKeys": [self.key.entry]},
            "user": {
                "id": self.user,
                "firstName": "Ada",
                "primaryEmail": "ada@example.com",
                "identities": [{"issuerId": self.issuer, "subject": self.subject}],
                "access": {"allow": [{"action": "*", "resource": "/"}]},
            },
            "registry": {"id": "default", "scopes": ["@fuse-tests"]},
        }

    def start(self) -> "EmbeddedFusebit":
        """Start the process with Ada in its database and wait for its Ready line."""
        seed = self.directory / "seed.json"
        seed.write_text(json.dumps(self.seed))
        return self._start("--seed", str(seed))

    def start_unseeded(self) -> "EmbeddedFusebit":
        """Start the process so that it makes an administrator of its own at the first start."""
        return self._start()

    def _start(self, *seed: str) -> "EmbeddedFusebit":
        command = [sys.executable, "-m", self.module, "--port", str(self.port), *self.arguments]
        command += ["--data-dir", str(self.directory / "platform"), *seed]
        kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        self.log = (self.directory / "stderr").open("a+")
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, **self.environment},
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self._wait_until_ready(self.process)
        return self

    def _wait_until_ready(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        deadline = time.monotonic() + READY_S
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
        line = process.stdout.readline() if ready else ""
        if line != f"Ready: {self.base_url}\n":
            process.kill()
            said = (self.directory / "stderr").read_text()
            self.stop()
            raise AssertionError(f"no Ready line but {line!r}: {said}")

    def stop(self, *, forget: bool = True) -> int | None:
        """End the process as Ctrl-C would; return its exit code."""
        code = None
        if self.process is not None:
            self.process.terminate()
            try:
                code = self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                code = self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
            self.log.close()
            self.process = None
        self.session.close()
        if forget:
            shutil.rmtree(self.directory, ignore_errors=True)
            if self.database is not None:
                self.database.drop()
        return code

    # -- what tests say ----------------------------------------------------------------------------------------------

    @property
    def a(self) -> str:
        """The path of the account."""
        return f"/v1/account/{self.account}"

    @property
    def s(self) -> str:
        """The path of the subscription."""
        return f"{self.a}/subscription/{self.subscription}"

    def b(self, boundary: str) -> str:
        """The path of a boundary."""
        return f"{self.s}/boundary/{boundary}"

    def f(self, boundary: str, function: str) -> str:
        """The path of a function."""
        return f"{self.b(boundary)}/function/{function}"

    def run_path(self, boundary: str, function: str) -> str:
        """The path of the execution URL."""
        return f"/v1/run/{self.subscription}/{boundary}/{function}"

    def token(self, *, key: KeyPair | None = None, permissions: Any = None, **overrides: Any) -> str:
        """Return a token, Ada's unless told otherwise; a claim that is given as None is left out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.base_url,
            "iat": now,
            "exp": now + 600,
        }
        if permissions is not None:
            claims["https://fusebit.io/permissions"] = permissions
        claims |= overrides
        return (key or self.key).sign({name: value for name, value in claims.items() if value is not None})

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "",
        json: Any = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """Send a request, as Ada unless a token is given; None sends no token."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token or self.token()}")
        options.setdefault("timeout", 30)
        options.setdefault("allow_redirects", False)
        return self.session.request(method, f"{self.base_url}{path}", json=json, headers=sent, **options)

    def raw(self, request: bytes) -> bytes:
        """Send bytes and return whatever comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def raw_get(self, path: str) -> tuple[int, Any]:
        """Ask for a path exactly as it is written; return status and JSON."""
        lines = f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token()}", "Connection: close"
        head, _, body = self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def add_user(self, *statements: tuple[str, str], kind: str = "user", **body: Any) -> "Agent":
        """Create an agent with these (action, resource) statements and a key of its own."""
        key = KeyPair()
        issuer, subject = f"issuer-{secrets.token_hex(4)}", f"sub|{secrets.token_hex(4)}"
        made = self.request("POST", f"{self.a}/issuer/{issuer}", json={"publicKeys": [key.entry]})
        assert made.status_code == 200, made.text
        body = {"identities": [{"issuerId": issuer, "subject": subject}], **body}
        if statements:
            allow = [{"action": action, "resource": resource} for action, resource in statements]
            body["access"] = {"allow": allow}
        answer = self.request("POST", f"{self.a}/{kind}", json=body)
        assert answer.status_code == 200, answer.text
        return Agent(self, answer.json()["id"], issuer, subject, key)


class Agent:
    """A user or client that can sign in."""

    def __init__(self, server: EmbeddedFusebit, agent_id: str, issuer: str, subject: str, key: KeyPair) -> None:
        self.server, self.id, self.issuer, self.subject, self.key = server, agent_id, issuer, subject, key

    def token(self, **overrides: Any) -> str:
        """Return a token of this agent."""
        return self.server.token(**{"key": self.key, "iss": self.issuer, "sub": self.subject, **overrides})


def text_function(text: str = "hello") -> dict[str, Any]:
    """Return the specification of a function that answers with a text."""
    return {"nodejs": {"files": {"index.js": f"module.exports = async (ctx) => ({{body: {json.dumps(text)}}});"}}}
