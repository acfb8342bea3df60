"""Compare the platform with bare node:http in the same run: `python -m tests.bench [--seconds 5] [--rounds 3]`.

Everything is on: routing, a token, run records, the full sandbox. Needs wrk.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusebit_platform.runtime import node
from tests.gateway.conftest import Platform, free_port, start

HERE = Path(__file__).parent
HELLO = "module.exports = async (ctx) => ({ body: { hello: 'world' } });"
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
CLOSED = {"authentication": "required"}


@contextmanager
def bare_node() -> Iterator[int]:
    port = free_port()
    command = [str(node.find()), str(HERE / "bare.cjs"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield port
        finally:
            server.kill()


def wrk(url: str, connections: int, seconds: float, *options: str) -> tuple[float, float, float]:
    """Return requests per second, and the median and 99th percentile of the latency in ms."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}",
        "--latency",
        "-H",
        "Authorization: Bearer good",
        *options,
        url,
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        sys.exit(f"wrk saw errors at {url}:\n{printed}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert rate is not None
    return float(rate.group(1)), percentile(printed, 50), percentile(printed, 99)


def percentile(printed: str, rank: int) -> float:
    found = re.search(rf"{rank}%\s+([\d.]+)(us|ms|s)", printed)
    return float(found.group(1)) * UNITS[found.group(2)] if found else float("nan")


def first_call(platform: Platform, name: str) -> float:
    """Return the ms from the first byte of the first request to the end of its response."""
    target = platform.url(name).partition(f":{platform.port}")[2]
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", platform.port)) as connection:
        began = time.perf_counter()
        connection.sendall(request)
        answer = connection.recv(65536)
        took = (time.perf_counter() - began) * 1000
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return took


def warm_rows(platform: Platform, port: int, seconds: float, rounds: int) -> None:
    one = platform.url("b1/hello")
    many = ("-s", str(HERE / "boundaries.lua"))
    bare = f"http://127.0.0.1:{port}/"
    print(f"{'what':28} {'bare rps':>9} {'rps':>8} {'ratio':>13} {'p50 ms':>7} {'p99 ms':>7} {'bare p50':>9}")
    for label, connections, options in (
        ("one boundary c1", 1, ()),
        ("one boundary c16", 16, ()),
        ("one boundary c64", 64, ()),
        ("20 boundaries c16", 16, many),
        ("20 boundaries c64", 64, many),
    ):
        pairs = [(wrk(bare, connections, seconds), wrk(one, connections, seconds, *options)) for _ in range(rounds)]
        ratios = sorted(ours[0] / theirs[0] for theirs, ours in pairs)
        theirs, ours = ([statistics.median(pair[side][i] for pair in pairs) for i in range(3)] for side in (0, 1))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        print(f"{label:28} {theirs[0]:9.0f} {ours[0]:8.0f} {spread:>13} {ours[1]:7.2f} {ours[2]:7.2f} {theirs[1]:9.2f}")


def cold_rows(platform: Platform) -> None:
    alone = []
    for number in range(40):
        platform.put(f"cold{number}/hello", HELLO, security=CLOSED)
        time.sleep(0.15)  # let the next spare process come up, as it does between two new tenants
        alone.append(first_call(platform, f"cold{number}/hello"))
    for number in range(40):
        platform.stored[f"burst{number}/hello"] = {
            "files": {"index.js": HELLO},
            "version_id": "1",
            "security": CLOSED,
        }
    platform.put("other/hello", HELLO)
    with concurrent.futures.ThreadPoolExecutor(40) as callers:
        burst = list(callers.map(lambda number: first_call(platform, f"burst{number}/hello"), range(40)))
    for label, times in (("cold first call", alone), ("40 cold tenants at once", burst)):
        ordered = sorted(times)
        print(
            f"{label:28} p50 {statistics.median(ordered):6.1f} ms   p95 {ordered[int(len(ordered) * 0.95) - 1]:6.1f} ms"
        )


def idle_row(platform: Platform) -> None:
    """Print the memory of idle workers, by what the kernel says is available."""
    before = available_mib()
    for number in range(60):
        platform.put(f"idle{number}/hello", HELLO)
    for number in range(60):
        first_call(platform, f"idle{number}/hello")
    used = (before - available_mib()) / 60
    print(f"{'idle isolated worker':28} {used:6.1f} MiB, {1024 / used:.0f} per GiB")


def available_mib() -> float:
    time.sleep(1)
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("The benchmark needs wrk: apt-get install wrk")
    os.environ["FIXED_GENERATION"] = "1"
    with tempfile.TemporaryDirectory() as directory, bare_node() as port:
        platform = start(Path(directory))
        for number in range(1, 21):
            platform.stored[f"b{number}/hello"] = {
                "files": {"index.js": HELLO},
                "version_id": "1",
                "security": CLOSED,
            }
        platform.put("other/hello", HELLO)
        for number in range(1, 21):
            first_call(platform, f"b{number}/hello")
        warm_rows(platform, port, options.seconds, options.rounds)
        cold_rows(platform)
        idle_row(platform)
        platform.stop()


if __name__ == "__main__":
    main()
