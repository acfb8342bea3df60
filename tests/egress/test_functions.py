"""Functions reach the web and nothing else, by the libraries they know (EG-01 to EG-11, contract 6.3, 6.5)."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.egress.certificate import certificate
from tests.gateway.conftest import Platform, start

MIB = 1024 * 1024


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("location", self.path[4:])
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = json.dumps({"headers": dict(self.headers), "path": self.path}).encode()
        if self.path.startswith("/size/"):
            body = b"x" * int(self.path[6:])
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.path = "/posted"
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what is tested."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Web servers that functions may reach, with and without TLS, and one that they may not."""
    opened = {"web": Server(("127.0.0.2", 0), Web), "tls": Server(("127.0.0.2", 0), Web)}
    opened["inside"] = Server(("127.0.0.1", opened["web"].server_port), Web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path_factory.mktemp("certificate")))
    opened["tls"].socket = context.wrap_socket(opened["tls"].socket, server_side=True)
    threads = [threading.Thread(target=server.serve_forever) for server in opened.values()]
    for thread in threads:
        thread.start()
    yield {name: server.server_port for name, server in opened.items()}
    for server in opened.values():
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, servers: dict[str, int]) -> Iterator[Platform]:
    ports = f"80,443,{servers['web']},{servers['tls']}"
    running = start(tmp_path_factory.mktemp("egress"), EGRESS_NETWORKS="127.0.0.2/32", EGRESS_PORTS=ports)
    yield running
    running.stop()


CALL = """
const http = require('http'), https = require('https'), net = require('net');
const get = (library, url, options = {}) => new Promise((resolve, reject) => {
  library.get(url, { rejectUnauthorized: false, ...options }, (response) => {
    let body = '';
    response.on('data', (chunk) => (body += chunk));
    response.on('end', () => resolve({ status: response.statusCode, body }));
    response.on('error', reject);
  }).on('error', reject);
});
const reason = (error) => ({ code: error.code || error.cause?.code, message: error.cause?.message || error.message });
module.exports = async (ctx) => {
  const { web, tls } = JSON.parse(ctx.configuration.PORTS);
  try { return { body: await (async () => { WORK })() }; } catch (error) { return { body: reason(error) }; }
};
"""


def outcome(platform: Platform, servers: dict[str, int], work: str, **settings: Any) -> Any:
    return platform.call(
        "out/f", CALL.replace("WORK", work), configuration={"PORTS": json.dumps(servers)}, timeout_s=20, **settings
    )


@pytest.mark.parametrize(
    "work",
    [
        "return (await fetch(`http://127.0.0.2:${web}/a`)).json()",
        "return JSON.parse((await get(http, `http://127.0.0.2:${web}/a`)).body)",
        "return JSON.parse((await get(https, `https://127.0.0.2:${tls}/a`)).body)",
        "return JSON.parse((await get(await import('node:https'), `https://127.0.0.2:${tls}/a`)).body)",
        "return JSON.parse((await get(https, `https://127.0.0.2:${tls}/a`, { agent: new https.Agent() })).body)",
        "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';return (await fetch(`https://127.0.0.2:${tls}/a`)).json()",
    ],
)
def test_fetch_http_and_https_just_work(platform: Platform, servers: dict[str, int], work: str) -> None:
    assert outcome(platform, servers, work)["path"] == "/a"


def test_large_bodies_go_both_ways(platform: Platform, servers: dict[str, int]) -> None:
    work = """
      const down = (await (await fetch(`http://127.0.0.2:${web}/size/3000000`)).arrayBuffer()).byteLength;
      const up = await fetch(`http://127.0.0.2:${web}/`, { method: 'POST', body: 'x'.repeat(2e6) });
      return [down, up.status];"""
    assert outcome(platform, servers, work) == [3_000_000, 200]


@pytest.mark.parametrize("library", ["http", "https"])
def test_requests_carry_the_trace_of_their_call(platform: Platform, servers: dict[str, int], library: str) -> None:
    port = "web" if library == "http" else "tls"
    work = f"""return [ctx.headers['fusebit-trace-id'],
      JSON.parse((await get({library}, `{library}://127.0.0.2:${{{port}}}/`)).body).headers['fusebit-trace-id']]"""
    sent, received = outcome(platform, servers, work)
    assert sent == received


def test_a_fetch_carries_the_trace_of_its_call_unless_it_has_one(platform: Platform, servers: dict[str, int]) -> None:
    work = """
      const seen = async (headers) =>
        (await (await fetch(`http://127.0.0.2:${web}/`, { headers })).json()).headers['fusebit-trace-id'];
      const own = ctx.headers['fusebit-trace-id'];
      return [own, await seen({}), await seen({ 'fusebit-trace-id': 'mine' })];"""
    own, *received = outcome(platform, servers, work)
    assert received == [own, "mine"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1",  # noqa: S104
        "2130706433", "0x7f000001", "017700000001",
        "①②⑦.⓪.⓪.①", "[::ffff:127.0.0.1]", "localhost.", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200",
        "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
def test_eg_01_no_spelling_of_an_inside_address_is_reached(
    platform: Platform, servers: dict[str, int], host: str
) -> None:
    answer = outcome(platform, servers, f"return (await fetch(`http://{host}:${{web}}/`)).status")
    assert answer["code"] in ("EGRESS_DENIED", "ENOTFOUND"), answer


def test_eg_05_a_redirect_is_a_new_checked_connection(platform: Platform, servers: dict[str, int]) -> None:
    inside = "return (await fetch(`http://127.0.0.2:${web}/to/http://127.0.0.1:${web}/`)).status"
    assert outcome(platform, servers, inside)["code"] == "EGRESS_DENIED"
    outside = "return (await fetch(`http://127.0.0.2:${web}/to/http://127.0.0.2:${web}/`)).status"
    assert outcome(platform, servers, outside) == 200


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("await new Promise((y, n) => net.connect(5432, '127.0.0.2', y).on('error', n))", "port 5432 is not open"),
        ("await new Promise((y, n) => new net.Socket().connect(80, '8.8.8.8', y).on('error', n))", "raw sockets"),
        ("await new Promise((y, n) => require('http2').connect('http://127.0.0.2:25').on('error', n))", "port 25"),
        ("net.connect('/var/run/postgresql/.s.PGSQL.5432')", "no unix sockets"),
    ],
)
def test_eg_06_raw_tcp_is_refused_by_name(platform: Platform, servers: dict[str, int], work: str, said: str) -> None:
    answer = outcome(platform, servers, work)
    assert answer["code"] == "EGRESS_DENIED"
    assert said in answer["message"]


def test_eg_07_datagrams_go_nowhere(platform: Platform, servers: dict[str, int]) -> None:
    work = """const socket = require('dgram').createSocket('udp4');
      return await new Promise((resolve, reject) => {
        socket.on('error', reject);
        socket.send('x', 53, '8.8.8.8', (error) => error ? reject(error) : resolve(1));
      })"""
    assert outcome(platform, servers, work)["code"] == "EPERM"


def test_a_boundary_allows_and_denies_hosts_at_once(platform: Platform, servers: dict[str, int]) -> None:
    work = "return (await get(http, `http://127.0.0.2:${web}/`, { agent: false })).status"
    fixed = {"version_id": "same"}
    assert outcome(platform, servers, work, **fixed) == 200
    for policy in (
        {"egress_deny": ["127.0.0.2"]},
        {"egress_deny": ["*"]},
        {"egress_deny": ["127.0.0.0/30"]},
        {"egress_allow": ["*.example"]},
    ):
        assert outcome(platform, servers, work, policy=policy, **fixed)["code"] == "EGRESS_DENIED"
    assert outcome(platform, servers, work, policy={"egress_allow": ["127.0.0.2"]}, **fixed) == 200


def test_a_connection_that_is_no_longer_allowed_ends(platform: Platform, servers: dict[str, int]) -> None:
    kept = """globalThis.kept ??= await new Promise((resolve) => {
        const socket = net.connect(web, '127.0.0.2', () => resolve(socket));
      });
      if (ctx.query.wait && !kept.destroyed) await new Promise((resolve) => kept.once('close', resolve));
      return [kept.destroyed]"""
    fixed = {"version_id": "kept"}
    assert outcome(platform, servers, kept, **fixed) == [False]
    outcome(platform, servers, kept, policy={"egress_deny": ["127.0.0.2"]}, **fixed)
    assert platform.session.get(platform.url("out/f") + "?wait=1", timeout=30).json() == [True]


def test_a_refused_connection_is_the_cause_of_a_failed_call(platform: Platform) -> None:
    url = platform.put("out/failing", "module.exports = async (ctx) => { await fetch('http://10.0.0.1/'); };")
    platform.records()
    assert requests.get(url, timeout=30).status_code == 500
    assert [record["cause"] for record in platform.records()] == ["egress_blocked"]


def test_the_platforms_own_api_is_reached_by_its_base_url_alone(platform: Platform, servers: dict[str, int]) -> None:
    target = platform.put("out/target", "module.exports = async (ctx) => ({ body: 'reached' });")
    path = target.partition(f":{platform.port}")[2]
    work = f"""const base = ctx.fusebit.endpoint;
      const tried = [await (await fetch(base + '{path}')).json()];
      for (const url of [base + '/metrics', base + '/v1/metrics', 'http://127.0.0.1:{platform.port}/v1/health']) {{
        try {{ tried.push((await fetch(url)).status); }} catch (error) {{ tried.push('refused'); }}
      }}
      return tried;"""
    assert outcome(platform, servers, work) == ["reached", "refused", "refused", "refused"]


def test_eg_09_a_function_that_calls_itself_for_ever_comes_to_an_end_and_harms_nobody(
    platform: Platform, servers: dict[str, int]
) -> None:
    endless = """module.exports = async (ctx) => {
        const answer = await fetch(ctx.baseUrl + '/deeper');
        return { status: answer.status, body: await answer.text() };
      };"""
    url = platform.put("deep/endless", endless, timeout_s=20)
    beside = platform.put("out/beside", "module.exports = async (ctx) => ({ body: 'untouched' });")
    with ThreadPoolExecutor(1) as callers:
        deep = callers.submit(requests.get, url, timeout=60)
        assert requests.get(beside, timeout=30).json() == "untouched"
        assert deep.result().status_code in (429, 500)
    assert requests.get(beside, timeout=30).json() == "untouched"


def test_eg_11_a_call_has_a_cap_on_bytes_and_connections(platform: Platform, servers: dict[str, int]) -> None:
    download = """let size = 0;
      for await (const chunk of (await fetch(`http://127.0.0.2:${web}/size/80000000`)).body) size += chunk.length;
      return size"""
    assert "code" in outcome(platform, servers, download)
    flood = """let open = 0, refused = 0;
      await Promise.all(Array.from({ length: 100 }, () => new Promise((done) => {
        const socket = net.connect(web, '127.0.0.2', () => { open += 1; done(); });
        socket.on('error', () => { refused += 1; done(); });
      })));
      return [open <= 64, open + refused]"""
    assert outcome(platform, servers, flood) == [True, 100]
