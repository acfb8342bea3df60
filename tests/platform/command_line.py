"""What Fusebit's own command line sends, request by request, and how it reads what comes back."""

import http.client
import json
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import jwt

from tests.embedded import EmbeddedFusebit, KeyPair

USER_AGENT = "fusebit-cli/1.24.0"
POLL_SECONDS = 2.0


class Failed(Exception):
    """A command ends with a message."""


@dataclass
class Profile:
    """Where the command line works, and as whom."""

    base_url: str
    account: str
    issuer: str
    subject: str
    key: KeyPair
    subscription: str = ""
    boundary: str = ""
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """A token as `fuse token` mints it."""
        now = int(time.time())
        own = {"accountId": self.account, "subscriptionId": self.subscription}
        claims = {"iat": now, "exp": now + 7200, "aud": self.base_url, "iss": self.issuer, "sub": self.subject}
        return self.key.sign(claims | {"https://fusebit.io/profile": own}, jwtId=secrets.token_hex(16))


class CommandLine:
    """Runs commands over one connection, which is kept and never repaired."""

    def __init__(self, profile: Profile, port: int) -> None:
        self.profile = profile
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.polled: list[tuple[int, str]] = []  # what the latest deployment was told of its build

    def close(self) -> None:
        """Leave."""
        self.connection.close()

    @property
    def a(self) -> str:
        return f"/v1/account/{self.profile.account}"

    @property
    def s(self) -> str:
        return f"{self.a}/subscription/{self.profile.subscription}"

    @property
    def b(self) -> str:
        return f"{self.s}/boundary/{self.profile.boundary}"

    def send(
        self, method: str, path: str, body: Any = None, *, scheme: str = "bearer", token: str = ""
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Send a request as the command line does; return status, body and headers."""
        headers = {
            "Host": self.profile.base_url.partition("//")[2],
            "authorization": f"{scheme} {token or self.profile.token}",
            "content-type": "application/json",
            "accept": "application/json, text/plain, */*",
            "User-Agent": USER_AGENT,
        }
        content = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, content, headers)
        answer = self.connection.getresponse()
        read = answer.read()
        if answer.status == 204:
            assert read == b""
            return 204, None, answer.headers
        assert "json" in answer.headers["content-type"]
        return answer.status, json.loads(read), answer.headers

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request whose answer must be a success; a failure ends the command with its message."""
        status, read, _headers = self.send(method, path, body, **options)
        if status >= 400:
            raise Failed(f"{status}: {read['message']}")
        assert status in {200, 204}
        return read

    # -- agents --

    def add_user(self, first: str, last: str, email: str) -> Any:
        return self.ask("POST", f"{self.a}/user", {"firstName": first, "lastName": last, "primaryEmail": email})

    def add_client(self, name: str) -> Any:
        return self.ask("POST", f"{self.a}/client", {"displayName": name})

    def add_access(self, kind: str, agent_id: str, action: str, resource: str = "") -> Any:
        path = f"{self.a}/{kind}/{agent_id}"
        existing = self.ask("GET", path).get("access", {"allow": []})["allow"]
        added = {"action": action, "resource": resource or f"/account/{self.profile.account}/"}
        return self.ask("PATCH", path, {"access": {"allow": [added, *existing]}})

    def pages(self, path: str, count: int) -> Iterator[Any]:
        """Follow a list to its end; `next` goes into the URL as it came."""
        page = self.ask("GET", f"{path}?count={count}")
        yield page
        while "next" in page:
            page = self.ask("GET", f"{path}?count={count}&next={page['next']}")
            yield page

    def remove(self, path: str) -> None:
        self.ask("GET", path)
        assert self.ask("DELETE", path) is None

    def init_agent(self, kind: str, agent_id: str) -> str:
        path = f"{self.a}/{kind}/{agent_id}"
        self.ask("GET", path)
        body = {"subscriptionId": self.profile.subscription, "boundaryId": self.profile.boundary}
        token = self.ask("POST", f"{path}/init", body)
        assert isinstance(token, str)
        return token

    # -- functions --

    def deploy(self, name: str, files: dict[str, str], *, settings: str = "") -> str:
        """Put a function and wait for its build; return the location."""
        body: dict[str, Any] = {"nodejs": {"files": files, "encodedFiles": {}}}
        if settings:
            body["configurationSerialized"] = settings
        status, read, _headers = self.send("PUT", f"{self.b}/function/{name}", body, scheme="Bearer")
        self.polled = [(status, read["status"])] if read else []
        if status == 204:
            return self.url(name)
        while status == 201 or (status == 200 and read["status"] in {"pending", "building"}):
            time.sleep(POLL_SECONDS)
            path = f"{self.b}/function/{name}/build/{read['buildId']}"
            status, read, _headers = self.send("GET", path, scheme="Bearer")
            self.polled.append((status, read["status"]))
        if status != 200:
            raise Failed(f"{status}: {read['message']}")
        assert read["status"] == "success"
        return read["location"]

    def url(self, name: str) -> str:
        return self.ask("GET", f"{self.b}/function/{name}/location")["location"]

    def follow(self, name: str = "") -> "LogReader":
        """Begin to read a log."""
        path = f"{self.b}/function/{name}/log" if name else f"{self.b}/log"
        if name:
            self.ask("GET", f"{self.b}/function/{name}?include=all")
        return LogReader(self.port, f"{path}?token={self.profile.token}")

    # -- storage --

    def storage(self, method: str, name: str, body: Any = None) -> Any:
        scheme = "Bearer" if method in {"GET", "PUT"} else "bearer"
        return self.ask(method, f"{self.s}/storage/{name}/", body, scheme=scheme)


class LogReader:
    """Reads server-sent events as the command line does: chunk by chunk, each line on its own, nothing kept between."""

    def __init__(self, port: int, target: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        head = f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: {USER_AGENT}\r\n\r\n"
        self.socket.sendall(head.encode())
        self.stream = self.socket.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        self.headers = {}
        while (line := self.stream.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    def close(self) -> None:
        """Leave."""
        self.stream.close()
        self.socket.close()

    def chunks(self) -> Iterator[str]:
        """Yield what the server sent, write by write."""
        while size := int(self.stream.readline(), 16):
            yield self.stream.read(size).decode()
            self.stream.readline()

    def entries(self) -> Iterator[Any]:
        """Yield the log entries: a line `event: log`, then lines of data until an empty one."""
        for chunk in self.chunks():
            content: str | None = None
            for line in chunk.split("\n"):
                if line == "event: log":
                    content = ""
                elif content is not None and line == "":
                    yield json.loads(content)
                    content = None
                elif content is not None:
                    content += line.removeprefix("data: ")


def operator(server: EmbeddedFusebit, boundary: str) -> CommandLine:
    """Return the command line of who may do everything, in a boundary."""
    where = {"base_url": server.base_url, "account": server.account, "subscription": server.subscription}
    who = {"issuer": server.issuer, "subject": server.subject, "key": server.key}
    return CommandLine(Profile(**where, **who, boundary=boundary), server.port)


def initialise(server: EmbeddedFusebit, token: str) -> Profile:
    """Do what `fuse init TOKEN` does with a legacy token, or with a current one of kind pki."""
    claims = jwt.decode(token, options={"verify_signature": False})
    key = KeyPair()
    told = claims.get("profile", claims)
    assert claims["agentId"]
    profile = Profile(
        base_url=told["baseUrl"].lower().rstrip("/"),
        account=told.get("account") or told["accountId"],
        issuer=told["issuerId"],
        subject=told["subject"],
        key=key,
        subscription=told.get("subscription") or told.get("subscriptionId") or "",
        boundary=told.get("boundary") or told.get("boundaryId") or "",
    )
    body: dict[str, str] = {"publicKey": key.public_pem, "keyId": key.kid}
    if "protocol" in claims:
        body = {"protocol": claims["protocol"], "accessToken": profile.token, "publicKey": key.public_pem}
    line = CommandLine(profile, server.port)
    try:
        agent = line.ask("POST", f"{line.a}/init", body, token=token)
    finally:
        line.close()
    assert {"issuerId": profile.issuer, "subject": profile.subject} in agent["identities"]
    return profile


def encoded(issuer_id: str) -> str:
    """Return an issuer's id as the command line puts it into a path."""
    return quote(issuer_id, safe="")
