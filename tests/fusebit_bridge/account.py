"""One account of a small Fusebit, strict about tokens, that a test can bend: race it, break it, take rights away."""

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

from fusebit_bridge.permissions import CLAIM, Statement, allows, parse
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION
from tests.fusebit_bridge.wire import Seen, Wire, say

VERBS = {"GET": "get", "POST": "add", "PATCH": "update", "DELETE": "delete"}
CLIENT = "clt-00112233445566cc"


@dataclass
class SmallAccount:
    """Answers `me`, users and issuers; every other path is 404."""

    wire: Wire
    public_pem: str
    access: set[Statement] = field(
        default_factory=lambda: {
            Statement("user:*", f"/account/{ACCOUNT}/"),
            Statement("function:*", f"/account/{ACCOUNT}/subscription/{SUBSCRIPTION}/"),
        }
    )
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    issuers: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken_by_a_client: set[tuple[str, str]] = field(default_factory=set)
    forgetful: bool = False
    page: int = 100
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.wire.answer = self.answer

    def writes(self) -> list[Seen]:
        return [seen for seen in self.wire.seen if seen.method != "GET"]

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        with self.lock:
            status, body = self._answer(seen)
        if status >= 400:
            body = {"status": status, "statusCode": status, "message": body}
        say(status, body)(handler, seen)

    def _answer(self, seen: Seen) -> tuple[int, Any]:
        parts = urlsplit(seen.target)
        path = parts.path.removeprefix("/v1")
        effective = self._authenticated(seen)
        if effective is None:
            return 403, "Unauthorized"
        if path == f"/account/{ACCOUNT}/me":
            return 200, {"id": CLIENT, "access": {"allow": [statement.as_json() for statement in self.access]}}
        found = re.fullmatch(rf"/account/{ACCOUNT}/(user|issuer)(?:/([^/]+))?", path)
        if not found:
            return 404, "Not Found"
        kind, name = found[1], unquote(found[2] or "")
        if not allows(effective, Statement(f"{kind}:{VERBS[seen.method]}", path)):
            return 403, "Unauthorized"
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return getattr(self, f"_{kind}_{VERBS[seen.method]}")(name, seen, query, effective)

    def _authenticated(self, seen: Seen) -> frozenset[Statement] | None:
        token = (seen.header("authorization") or "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, self._key_of(token), algorithms=["RS256"], audience=self.wire.url)
        except jwt.InvalidTokenError:
            return None
        inline = parse(claims[CLAIM])
        return inline if all(allows(self.access, statement) for statement in inline) else None

    def _key_of(self, token: str) -> str:
        """The key that the token names, of any issuer; the client's first one serves when none is registered so."""
        kid = jwt.get_unverified_header(token).get("kid")
        keys = [key for issuer in self.issuers.values() for key in issuer.get("publicKeys", ())]
        return next((key["publicKey"] for key in keys if key["keyId"] == kid), self.public_pem)

    def _user_get(self, name: str, _seen: Seen, query: dict[str, str], _effective: Any) -> tuple[int, Any]:
        if name:
            return (200, self.users[name]) if name in self.users else (404, f"The user '{name}' does not exist")
        if "issuerId" not in query:
            return 200, self._listed(int(query.get("next", "0")))
        identity = {"issuerId": query["issuerId"], "subject": query["subject"]}
        if (query["issuerId"], query["subject"]) in self.taken_by_a_client:
            return 404, f"The client '{CLIENT}' does not exist"
        return 200, {"items": [user for user in self.users.values() if identity in user["identities"]]}

    def _listed(self, start: int) -> dict[str, Any]:
        items = list(self.users.values())
        end = start + self.page
        return {"items": items[start:end], **({"next": str(end)} if end < len(items) else {})}

    def _user_add(self, _name: str, seen: Seen, _query: Any, effective: Any) -> tuple[int, Any]:
        body = seen.json()
        known = [entry for user in self.users.values() for entry in user["identities"]]
        for entry in body["identities"]:
            if entry in known or (entry["issuerId"], entry["subject"]) in self.taken_by_a_client:
                return 400, "The identity with issuer 'i' and subject 's' is already associated with a user or client"
        if not all(allows(effective, statement) for statement in parse(body["access"])):
            return 400, "not authorized to grant access"
        user = {"id": f"usr-{len(self.users):016x}", **body}
        if not self.forgetful:
            self.users[user["id"]] = user
        return 200, user

    def _user_update(self, name: str, seen: Seen, _query: Any, effective: Any) -> tuple[int, Any]:
        body = seen.json()
        if not all(allows(effective, statement) for statement in parse(body.get("access"))):
            return 400, "not authorized to grant access"
        if name not in self.users:
            return 404, f"The user '{name}' does not exist"
        self.users[name] |= body
        return 200, self.users[name]

    def _user_delete(self, name: str, _seen: Seen, _query: Any, _effective: Any) -> tuple[int, Any]:
        return (204, None) if self.users.pop(name, None) else (404, f"The user '{name}' does not exist")

    def _issuer_get(self, name: str, _seen: Seen, _query: Any, _effective: Any) -> tuple[int, Any]:
        if name not in self.issuers:
            return 404, f"The issuer '{name}' is not associated with the account"
        return 200, {"id": name, **self.issuers[name]}

    def _issuer_add(self, name: str, seen: Seen, _query: Any, _effective: Any) -> tuple[int, Any]:
        if name in self.issuers:
            return 400, f"The issuer '{name}' already exists"
        self.issuers[name] = seen.json()
        return 200, {"id": name, **self.issuers[name]}

    def _issuer_update(self, name: str, seen: Seen, _query: Any, _effective: Any) -> tuple[int, Any]:
        self.issuers[name] |= seen.json()
        return 200, {"id": name, **self.issuers[name]}
