"""Sends a command's requests: over HTTP to the running server of the directory, else through the same API in here."""

import json
from typing import Any
from urllib.parse import urlsplit

import requests

from fusebit_platform.asgi import Application, get_application
from fusebit_platform.commands.directory import Directory
from fusebit_platform.commands.errors import CommandError

TIMEOUT_S = 20


class Session:
    """One command's conversation with the API."""

    def __init__(self, directory: Directory, base_url: str, port: int) -> None:
        self._base_url = base_url
        self._local = f"http://127.0.0.1:{port}"
        self._application: Application | None = get_application() if directory.lock() else None

    def request(self, method: str, path: str, token: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer; raise CommandError with the server's message for an error."""
        headers = {"authorization": f"Bearer {token}", "host": urlsplit(self._base_url).netloc}
        if self._base_url.startswith("https:"):
            headers["x-forwarded-proto"] = "https"
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            headers["content-type"] = "application/json"
        send = self._over_http if self._application is None else self._in_process
        status, answer = send(method, path, headers, content)
        if status >= 400:
            raise CommandError(f"{method} {path}: {status} {_message(answer)}")
        return json.loads(answer) if answer else None

    def _over_http(self, method: str, path: str, headers: dict[str, str], content: bytes) -> tuple[int, bytes]:
        try:
            answer = requests.request(
                method, f"{self._local}{path}", headers=headers, data=content, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException:
            raise CommandError(f"The platform is running, but {self._local} does not answer.") from None
        return answer.status_code, answer.content

    def _in_process(self, method: str, path: str, headers: dict[str, str], content: bytes) -> tuple[int, bytes]:
        if self._application is None:
            raise CommandError("The platform cannot be reached.")
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        encoded.append((b"content-length", str(len(content)).encode()))
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": encoded,
        }
        response = self._application.respond(scope, content)
        return response.status_code, response.content


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return "the answer is not an error of the API"
