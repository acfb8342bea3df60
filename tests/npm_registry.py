"""A registry of npm packages on loopback, with exactly the packages that a test puts there."""

import base64
import hashlib
import io
import json
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

HELD_S = 60


class Registry:
    """Serves packages; tarballs wait for `open`, which a test may clear for a while."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, dict[str, Any]]] = {}
        self.tarballs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.open = Event()
        self.open.set()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def add(self, name: str, version: str, files: dict[str, str] | None = None, **manifest: Any) -> None:
        """Publish a version; without files its tarball is missing."""
        about = {"name": name, "version": version, **manifest}
        tarball = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        content = packed({"package.json": json.dumps(about), **(files or {})})
        if files is not None:
            self.tarballs[tarball] = content
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        about["dist"] = {"tarball": f"{self.url}{tarball}", "integrity": f"sha512-{digest}"}
        self.packages.setdefault(name, {})[version] = about

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(handler.path).lstrip("/")
        self.requests.append(path)
        body = self.tarballs.get(path)
        if body is not None:
            self.open.wait(HELD_S)
        versions = self.packages.get(path)
        if body is None and versions is not None:
            newest = [*versions][-1]
            body = json.dumps({"name": path, "dist-tags": {"latest": newest}, "versions": versions}).encode()
        handler.send_response(404 if body is None else 200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body or b"{}")))
        handler.end_headers()
        handler.wfile.write(body or b"{}")

    def close(self) -> None:
        self.open.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def packed(files: dict[str, str]) -> bytes:
    """Return a tarball as npm makes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()
