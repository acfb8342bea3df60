"""Setting up a client, step by step, as Fusebit's own command line does it."""

import json
from pathlib import Path
from typing import Any

import jwt

from fusebit_platform import configuration
from fusebit_platform.commands import credentials
from fusebit_platform.commands.directory import Directory
from fusebit_platform.commands.errors import CommandError
from fusebit_platform.commands.serving import ADMIN_FILE, SERVER_FILE, open_platform
from fusebit_platform.resources import CLIENT_ID, FUNCTION_ID, account_path, matches, subscription_path

PROFILES = "profiles.json"


class Desk:
    """The administrator of one data directory."""

    def __init__(self, path: Path) -> None:
        if not (path / SERVER_FILE).exists():
            raise CommandError(f"No platform was started on {path} yet: run `python -m fusebit_platform` first.")
        server = Directory(path).read(SERVER_FILE) or {}
        self.base_url: str = server.get("baseUrl", configuration.current().base_url)
        self.directory = open_platform(path, self.base_url)
        admin = self.directory.read(ADMIN_FILE)
        if admin is None:
            raise CommandError(f"There is no admin key in {path}: this platform was started with --seed.")
        self._admin = admin
        from fusebit_platform.commands.session import Session

        self._session = Session(self.directory, self.base_url, server.get("port", configuration.DEFAULT_PORT))

    @property
    def account(self) -> str:
        """The path of the administrator's account."""
        return f"/v1/account/{self._admin['account']}"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request as the administrator."""
        return self._session.request(method, path, credentials.token(self._admin, self.base_url), body)

    def add(self, name: str) -> dict[str, Any]:
        """Create a client; return it."""
        client: dict[str, Any] = self.ask("POST", f"{self.account}/client", {"displayName": name})
        return client

    def add_access(self, client_id: str, action: str, resource: str | None) -> dict[str, Any]:
        """Allow the client one more action; without a resource on the account, functions on the subscription."""
        path = self._client_path(client_id)
        known = self.ask("GET", path).get("access", {}).get("allow", [])
        statement = {"action": action, "resource": resource or self._default_resource(action)}
        client: dict[str, Any] = self.ask("PATCH", path, {"access": {"allow": [statement, *known]}})
        return client

    def initialize(self, client_id: str) -> dict[str, Any]:
        """Give the client a key pair and keep its profile; return the client."""
        path = self._client_path(client_id)
        client = self.ask("GET", path)
        invitation = self.ask("POST", f"{path}/init", {"subscriptionId": self._admin["subscription"]})
        claims = jwt.decode(invitation, options={"verify_signature": False})
        keys = credentials.key_pair()
        body = {"publicKey": keys["publicKey"], "keyId": keys["kid"]}
        resolved: dict[str, Any] = self._session.request("POST", f"{self.account}/init", invitation, body)
        name = client.get("displayName", "")
        name = name if matches(FUNCTION_ID, name) else client_id
        ids = {"account": claims["accountId"], "subscription": claims["subscriptionId"]}
        identity = {"issuer": claims["issuerId"], "subject": claims["subject"]}
        profiles = (self.directory.read(PROFILES) or {}).get("profiles", [])
        profiles = [stored for stored in profiles if stored["id"] != name]
        profiles.append(credentials.profile(name, ids, identity, keys))
        self.directory.write(PROFILES, {"profiles": profiles})
        return resolved

    def _client_path(self, client_id: str) -> str:
        if not matches(CLIENT_ID, client_id):
            raise CommandError(f"{client_id!r} is no id of a client: they look like clt-0123456789abcdef.")
        return f"{self.account}/client/{client_id}"

    def _default_resource(self, action: str) -> str:
        account, subscription = self._admin["account"], self._admin["subscription"]
        if action.startswith("function:"):
            return subscription_path(account, subscription)
        return account_path(account)


def stored_profile(path: Path, name: str | None, *, include_credentials: bool) -> dict[str, Any]:
    """Return a client's profile, by default the one that was initialised last."""
    directory = Directory(path)
    server = directory.read(SERVER_FILE) or {}
    profiles = (directory.read(PROFILES) or {}).get("profiles", [])
    found = [stored for stored in profiles if name in {None, stored["id"]}]
    if not found or "baseUrl" not in server:
        wanted = f"profile {name!r}" if name else "profile"
        raise CommandError(f"There is no {wanted} in {path}: run `client add` and `client init` first.")
    return credentials.shown(found[-1], server["baseUrl"], credentials=include_credentials)


def as_text(value: dict[str, Any]) -> str:
    """Return what a command prints."""
    return json.dumps(value, indent=2, ensure_ascii=False)
