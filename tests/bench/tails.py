"""What open log streams cost a plain request: `python -m tests.bench.tails [--tails 50] [--requests 500]`."""

import argparse
import socket
import statistics
import time

from tests.embedded import EmbeddedFusebit, text_function


def requests_ms(server: EmbeddedFusebit, path: str, count: int) -> list[float]:
    """Return how long each of `count` requests took."""
    token, times = server.token(), []
    for _ in range(count):
        begun = time.perf_counter()
        assert server.request("GET", path, token=token).status_code == 200
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main() -> None:
    """Measure without and with streams, each time a management request and a call of a function."""
    options = argparse.ArgumentParser()
    options.add_argument("--tails", type=int, default=50)
    options.add_argument("--requests", type=int, default=500)
    chosen = options.parse_args()
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
