"""What open live logs cost a plain request, and how soon a line is in them.

`python -m tests.bench.tails [--tails 50] [--requests 500] [--lines 100]`; the lines go the whole way, from a function
through Fusebit and the site to what a browser reads.
"""

import argparse
import re
import select
import socket
import statistics
import time

import requests

from tests.bench import pages
from tests.embedded import EmbeddedFusebit, text_function
from tests.processes import until

PRINTS = "module.exports = async (ctx) => { console.log(`printed ${Date.now()}.`); return {}; };\n"
PRINTED = re.compile(rb"printed (\d+)\.")


def requests_ms(server: EmbeddedFusebit, path: str, count: int) -> list[float]:
    """Return how long each of `count` requests took."""
    token, times = server.token(), []
    for _ in range(count):
        begun = time.perf_counter()
        assert server.request("GET", path, token=token).status_code == 200
        times.append((time.perf_counter() - begun) * 1000)
    return times


def latencies_ms(port: int, tails: int, lines: int) -> list[float]:
    """Return for each line and open log of the site how long after it was printed it had arrived."""
    home, cookies = pages.filled(1, 0)
    from tenants.models import ApiToken, Deployment
    from tenants.services import functions, tokens

    row = Deployment.objects.get(function__name="f0")
    owner = row.requested_by
    assert owner is not None
    change = functions.Change(files={"index.js": PRINTS})
    functions.save(function=row.function, change=change, base_version=1, author=owner)
    Deployment.objects.filter(pk=row.pk).want(version=row.function.latest)
    until(lambda: Deployment.objects.get(pk=row.pk).is_ready, "the function")
    token: tuple[ApiToken, str] = tokens.create(user=owner, name="bench")
    invoke = f"http://127.0.0.1:{port}/api/v1/tenants/{home.split('/')[2]}/functions/f0/invoke/"
    opened = pages.tails(port, f"{home}functions/f0/events/?after=0", cookies, tails)
    seen: list[float] = []
    try:
        for number in range(lines + 1):
            called = requests.post(invoke, json={}, headers={"Authorization": f"Bearer {token[1]}"}, timeout=30)
            assert called.json()["status"] == 200, called.text
            ages = arrived(opened)
            seen += ages if number else []  # the first line only shows that all of them follow
    finally:
        for connection in opened:
            connection.close()
    return seen


def arrived(opened: list[socket.socket]) -> list[float]:
    """Return how old the line was when each log had it."""
    waiting, texts, ages = set(opened), dict.fromkeys(opened, b""), []
    deadline = time.monotonic() + 10
    while waiting and time.monotonic() < deadline:
        for connection in select.select(list(waiting), [], [], 1)[0]:
            texts[connection] += connection.recv(65536)
            if found := PRINTED.search(texts[connection]):
                ages.append(time.time() * 1000 - float(found[1]))
                waiting.discard(connection)
    assert not waiting, f"{len(waiting)} logs did not get the line"
    return ages


def main() -> None:
    """Measure both and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--tails", type=int, default=50)
    options.add_argument("--requests", type=int, default=500)
    options.add_argument("--lines", type=int, default=100)
    chosen = options.parse_args()
    cost(chosen)
    with pages.product() as port:
        seen = sorted(latencies_ms(port, chosen.tails, chosen.lines))
    p50, p95 = statistics.median(seen), seen[int(len(seen) * 0.95)]
    print(f"a line in {chosen.tails} open logs: p50 {p50:.0f} ms, p95 {p95:.0f} ms, slowest {seen[-1]:.0f} ms")


def cost(chosen: argparse.Namespace) -> None:
    """Print what streams of Fusebit itself cost it."""
    server = EmbeddedFusebit().start()
    opened: list[socket.socket] = []
    try:
        server.request("PUT", server.f("b", "f"), json=text_function())
        paths = {"management": server.f("b", "f"), "call": server.run_path("b", "f")}
        before = {name: requests_ms(server, path, chosen.requests) for name, path in paths.items()}
        for _ in range(chosen.tails):
            opened.append(socket.create_connection(("127.0.0.1", server.port)))
            query = f"GET {server.b('b')}/log?token={server.token()} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            opened[-1].sendall(query.encode())
            assert b" 200 " in opened[-1].recv(200)
        for name, path in paths.items():
            after = requests_ms(server, path, chosen.requests)
            old, new = statistics.median(before[name]), statistics.median(after)
            worst, worse = (sorted(times)[int(chosen.requests * 0.99)] for times in (before[name], after))
            print(f"{name}: p50 {old:.2f} ms, with {chosen.tails} tails {new:.2f} ms; p99 {worst:.2f} and {worse:.2f}")
    finally:
        for connection in opened:
            connection.close()
        server.stop()


if __name__ == "__main__":
    main()
