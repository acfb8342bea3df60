"""A small Fusebit over real HTTP whose users can be lost, doubled and delayed on order; a process of its own.

`python -m tests.faults.fusebit PORT PUBLIC_KEY_FILE [--not-atomic]`; what it is to do wrong is POSTed to `/_/faults`,
what it holds is at `/_/state`.
"""

import argparse
import json
import random
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from fusebit_bridge.permissions import CLAIM, allows, parse

ACCOUNT = "acc-00112233445566aa"
SUBSCRIPTION = "sub-00112233445566bb"
CLIENT = "clt-00112233445566cc"
CLIENT_ACCESS = [
    {"action": "user:*", "resource": f"/account/{ACCOUNT}/"},
    {"action": "function:*", "resource": f"/account/{ACCOUNT}/subscription/{SUBSCRIPTION}/"},
]
KINDS = ("503", "reset", "timeout_after_effect", "conflict_race", "truncated")
Reply = tuple[int, Any]


class Account:
    """Users of one account, by id; the identity is unique, as by a conditional write."""

    def __init__(self, public_key: str, base_url: str, *, atomic: bool) -> None:
        self.public_key = public_key
        self.atomic = atomic
        self.base_url = base_url
        self.lock = threading.Lock()
        self.users: dict[str, dict[str, Any]] = {}
        self.owners: dict[tuple[str, str], str] = {}
        self.faults: dict[str, Any] = {}
        self.posts = 0
        self.requests: list[float] = []
        self.random = random.Random(7)  # noqa: S311 (no secret)
        self.granted = parse({"allow": CLIENT_ACCESS})

    def snapshot(self) -> dict[str, Any]:
        """Return everything that is known, for a harness to compare with."""
        with self.lock:
            return {"users": list(self.users.values()), "posts": self.posts, "requests": list(self.requests)}

    def control(self, body: dict[str, Any]) -> None:
        """Set faults, or change users behind the product's back: `delete`, `access` by user id."""
        with self.lock:
            self.faults = body.get("faults", self.faults)
            if body.get("reset"):
                self.users.clear()
                self.owners.clear()
            for user_id in body.get("delete", ()):
                for entry in self.users.pop(user_id)["identities"]:
                    self.owners.pop((entry["issuerId"], entry["subject"]), None)
            for user_id, allow in body.get("access", {}).items():
                self.users[user_id]["access"] = {"allow": allow}
            for user in body.get("add", ()):
                self.users[user["id"]] = user
                self.owners |= {(e["issuerId"], e["subject"]): user["id"] for e in user["identities"]}
            if body.get("forget_requests"):
                self.requests.clear()

    def authorised(self, header: str, audience: str) -> bool:
        """Tell whether the token is the client's and asks for no more than it holds."""
        try:
            claims = jwt.decode(
                header.removeprefix("Bearer "), self.public_key, algorithms=["RS256"], audience=audience
            )
        except jwt.InvalidTokenError:
            return False
        return all(allows(self.granted, statement) for statement in parse(claims[CLAIM]))

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """Do what a Fusebit does."""
        if path.endswith("/me"):
            return 200, {"id": CLIENT, "access": {"allow": CLIENT_ACCESS}}
        if "/issuer/" in path:
            return 200, {"id": "ours", "jsonKeysUrl": "https://keys.example.com/jwks"}
        if "/function/" in path:
            return self._on_functions(method, path)
        found = re.fullmatch(rf"/v1/account/{ACCOUNT}/user(?:/(usr-[0-9a-f]+))?", path)
        if not found:
            return 404, "Not Found"
        with self.lock:
            return self._on_users(method, found[1], query, body)

    def _on_functions(self, method: str, path: str) -> Reply:
        """Take whatever is deployed."""
        if method == "DELETE":
            return 204, None
        if method == "PUT" or path.endswith("/location"):
            return 200, {
                "status": "success",
                "buildId": "b1",
                "version": 1,
                "location": f"{self.base_url}/v1/run/x/y/z",
            }
        return 404, "Not Found"

    def _on_users(self, method: str, user_id: str | None, query: dict[str, str], body: Any) -> Reply:
        if method == "POST":
            return self._add(body)
        if user_id is None:
            return self._list(query)
        if user_id not in self.users:
            if method == "DELETE":  # as on the original: the identities go all the same
                self.owners = {key: owner for key, owner in self.owners.items() if owner != user_id}
            return 404, f"The user '{user_id}' does not exist"
        if method == "DELETE":
            for entry in self.users.pop(user_id)["identities"]:
                self.owners.pop((entry["issuerId"], entry["subject"]), None)
            return 204, None
        if method == "PATCH":
            self._take_identities(user_id, body)
            self.users[user_id] |= body
        return 200, self.users[user_id]

    def _take_identities(self, user_id: str, body: Any) -> None:
        if "identities" in body:
            for key in [key for key, owner in self.owners.items() if owner == user_id]:
                del self.owners[key]
            self.owners |= {(e["issuerId"], e["subject"]): user_id for e in body["identities"]}

    def _list(self, query: dict[str, str]) -> Reply:
        if "subject" in query:
            owner = self.owners.get((query["issuerId"], query["subject"]))
            if owner is not None and owner not in self.users:
                return 404, f"The user '{owner}' does not exist"
            return 200, {"items": [self.users[owner]] if owner else []}
        start, count = int(query.get("next", "0")), int(query.get("count", "25"))
        items = list(self.users.values())[start : start + count]
        return 200, {"items": items, **({"next": str(start + count)} if start + count < len(self.users) else {})}

    def _add(self, body: Any) -> Reply:
        self.posts += 1
        user_id = f"usr-{self.random.getrandbits(64):016x}"
        if not self.atomic and self.random.random() < self.faults.get("half", 0.0):
            return self._add_half(user_id, body)
        keys = [(entry["issuerId"], entry["subject"]) for entry in body["identities"]]
        if any(key in self.owners for key in keys):
            return 400, "The identity with issuer 'i' and subject 's' is already associated with a user or client"
        self.users[user_id] = {**body, "id": user_id}
        self.owners |= dict.fromkeys(keys, user_id)
        return 200, self.users[user_id]

    def _add_half(self, user_id: str, body: Any) -> Reply:
        """Break in the middle, as a Fusebit does that writes row after row: a different half each time."""
        keys = [(entry["issuerId"], entry["subject"]) for entry in body["identities"]]
        if any(key in self.owners for key in keys):
            return 400, "The identity with issuer 'i' and subject 's' is already associated with a user or client"
        half = self.random.choice(["row", "identity", "no access"])
        if half == "row":
            self.users[user_id] = {"id": user_id, "identities": [], "access": {"allow": []}}
        if half != "row":
            self.owners |= dict.fromkeys(keys, user_id)
        if half == "no access":
            self.users[user_id] = {"id": user_id, "identities": body["identities"]}
        return 500, "broken in the middle"


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the account of its server."""

    protocol_version = "HTTP/1.1"
    account: Account
    base_url: str

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if parts.path.startswith("/_/"):
            return self._own(parts.path, raw)
        self.account.requests.append(time.monotonic())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind = self._fault()
        if kind in {"503", "reset"}:
            return self._break(kind)
        if parts.path == "/v1/health":
            return self._say(200, {})
        if not self.account.authorised(self.headers.get("authorization") or "", self.base_url):
            return self._say(403, "Unauthorized")
        status, body = self.account.answer(self.command, parts.path, query, json.loads(raw) if raw else None)
        return self._after(kind, status, body)

    def _own(self, path: str, raw: bytes) -> None:
        if path == "/_/state":
            return self._say(200, self.account.snapshot())
        self.account.control(json.loads(raw))
        return self._say(200, {})

    def _fault(self) -> str:
        faults = self.account.faults
        if faults.get("down") == "hole":
            time.sleep(faults.get("hole_s", 0.5))
            return "reset"
        if faults.get("down"):
            return "reset"
        if faults.get("delay_s"):
            time.sleep(faults["delay_s"])
        with self.account.lock:
            hit = self.account.random.random() < faults.get("rate", 0.0)
            return self.account.random.choice(faults.get("kinds", KINDS)) if hit else ""

    def _break(self, kind: str) -> None:
        if kind == "503":
            return self._say(503, "later")
        return self._reset()

    def _after(self, kind: str, status: int, body: Any) -> None:
        if kind == "timeout_after_effect":
            time.sleep(0.05)
            return self._reset()
        if kind == "conflict_race" and self.command == "POST" and status == 200:
            return self._say(400, "The identity is already associated with a user or client")
        return self._say(status, body, cut=kind == "truncated")

    def _reset(self) -> None:
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _say(self, status: int, body: Any, *, cut: bool = False) -> None:
        if status >= 400:
            body = {"status": status, "statusCode": status, "message": body}
        content = b"" if body is None else json.dumps(body).encode()
        content = content[: len(content) // 2] if cut else content
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        pass


for _method in ("GET", "POST", "PATCH", "DELETE", "PUT"):
    setattr(Handler, f"do_{_method}", Handler.handle_any)


class Server(ThreadingHTTPServer):
    """Serves as many connections as come."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_args: Any) -> None:
        """Clients that hang up are what this is about."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("public_key", type=Path)
    parser.add_argument("--not-atomic", action="store_true")
    options = parser.parse_args()
    base_url = f"http://127.0.0.1:{options.port}"
    account = Account(options.public_key.read_text(), base_url, atomic=not options.not_atomic)
    bound = type("Bound", (Handler,), {"account": account, "base_url": base_url})
    server = Server(("127.0.0.1", options.port), bound)
    print("Ready", flush=True)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main()
