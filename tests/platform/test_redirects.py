"""Contract 5.7: a redirected function is run at the far end of a tunnel."""

import base64
import json
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from tests.embedded import EmbeddedFusebit, text_function

pytestmark = pytest.mark.xdist_group("redirects")  # one server


class FarEnd:
    """A developer's machine: answers with what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.silent = Event()
        far_end = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                ctx = json.loads(self.rfile.read(int(self.headers["content-length"])))
                far_end.asked.append((self.path, ctx))
                if ctx["query"].get("silent"):
                    far_end.silent.wait(30)
                self.send_response(far_end.status)
                self.send_header("content-length", str(len(far_end.body)))
                self.end_headers()
                self.wfile.write(far_end.body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def says(self, envelope: Any, status: int = 200) -> None:
        self.status, self.body = status, json.dumps(envelope).encode()

    def close(self) -> None:
        self.silent.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def server():
    running = EmbeddedFusebit(environment={"PLATFORM_TUNNEL_PATTERN": r"http://127\.0\.0\.1:[0-9]+"}).start()
    yield running
    running.stop()


@pytest.fixture
def far_end():
    opened = FarEnd()
    yield opened
    opened.close()


@pytest.fixture
def redirected(server, far_end):
    boundary = f"b-{secrets.token_hex(6)}"
    specification = {
        **text_function(),
        "configuration": {"SECRET": "x"},
        "compute": {"timeout": 1},
        "routes": [{"path": "/task", "task": {}}],
    }
    assert server.request("PUT", server.f(boundary, "f"), json=specification).status_code == 200
    answer = server.request("POST", f"{server.f(boundary, 'f')}/redirect", json={"redirectUrl": far_end.url})
    assert answer.status_code == 200, answer.text
    return server.run_path(boundary, "f")


def test_a_redirected_call_is_posted_with_its_whole_ctx_but_the_configuration(server, redirected, far_end):
    far_end.says({"body": {"a": 1}})
    answer = server.request("PUT", f"{redirected}/x%20y?n=1", json={"b": 2}, headers={"x-mine": "yes"})
    assert (answer.status_code, answer.json()) == (200, {"a": 1})
    assert answer.headers["x-fx-response-source"] == "function"
    path, ctx = far_end.asked[-1]
    assert path == f"{redirected}/x%20y?n=1"
    assert (ctx["method"], ctx["path"], ctx["query"], ctx["body"]) == ("PUT", "/x%20y?n=1", {"n": "1"}, {"b": 2})
    assert (ctx["accountId"], ctx["baseUrl"]) == (server.account, f"{server.base_url}{redirected}")
    assert ctx["fusebit"] == {"endpoint": server.base_url}
    assert ctx["headers"]["x-mine"] == "yes"
    assert ctx["caller"] == {}
    assert "configuration" not in ctx


@pytest.mark.parametrize(
    ("envelope", "status", "body"),
    [
        ({}, 200, b""),
        ({"status": 501, "body": "no"}, 501, b'"no"'),
        ({"status": 7}, 500, b""),
        ({"body": 0}, 200, b""),
        ({"body": base64.b64encode(b"\x00\xff").decode(), "bodyEncoding": "base64"}, 200, b"\x00\xff"),
    ],
)
def test_an_envelope_is_mapped_like_the_result_of_a_handler(server, redirected, far_end, envelope, status, body):
    far_end.says({**envelope, "headers": {"x-a": ["b", "c"]}})
    answer = server.request("GET", redirected)
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["x-a"] == "b, c"
    assert answer.headers["x-fx-response-source"] == "function"


@pytest.mark.parametrize(
    ("said", "status"), [(b"{}", 500), (b"[]", 200), (b"nonsense", 200), (b'{"body":"' + b"x" * 5_300_000 + b'"}', 200)]
)
def test_what_is_no_envelope_is_a_404_of_the_proxy(server, redirected, far_end, said, status):
    far_end.body, far_end.status = said, status
    answer = server.request("GET", redirected)
    assert (answer.status_code, answer.json()["statusCode"]) == (404, 404)
    assert answer.headers["x-fx-response-source"] == "proxy"


def test_a_tunnel_that_is_silent_or_gone_is_a_404_of_the_proxy(server, redirected, far_end):
    assert server.request("GET", f"{redirected}?silent=1").status_code == 404
    far_end.close()
    answer = server.request("GET", redirected)
    assert (answer.status_code, answer.headers["x-fx-response-source"]) == (404, "proxy")


def test_tasks_are_scheduled_here_and_calls_come_back_when_the_redirect_is_gone(server, redirected, far_end):
    assert server.request("POST", f"{redirected}/task", json={}).status_code == 202
    assert far_end.asked == []
    boundary = redirected.split("/")[-2]
    assert server.request("DELETE", f"{server.f(boundary, 'f')}/redirect").status_code == 200
    assert server.request("GET", redirected).json() == "hello"
