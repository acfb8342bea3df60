"""The load generator and what is read off it: rates, latencies, and the CPU that a tree of processes used."""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebit_platform.runtime.spares import FILL_AFTER_SECONDS
from tests.escape.test_kills import children

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
TICKS = os.sysconf("SC_CLK_TCK")
AUTHORIZATION = "Authorization: Bearer good"


@dataclass(frozen=True)
class Sample:
    """One round against one server."""

    rate: float  # requests a second
    p50: float  # ms
    p99: float
    cpu_us: float  # of the server's processes, for one request


@dataclass(frozen=True)
class Server:
    """Something that answers, and the process it is the tree of."""

    name: str
    url: str
    pid: int
    script: tuple[str, ...] = ()  # of wrk, and its arguments
    authorization: str = AUTHORIZATION


def cpu_seconds(pid: int) -> float:
    """Return the CPU that a process and all below it have used."""
    used = 0.0
    for one in {pid, *children(pid)}:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used += (int(fields[11]) + int(fields[12])) / TICKS
    return used


def wait_for_rest(pid: int) -> None:
    """Wait until a server starts no more processes: the spare ones are all there."""
    deadline = time.monotonic() + 60
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < FILL_AFTER_SECONDS + 1 and time.monotonic() < deadline:
        count = len(children(pid))
        if count != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.2)


def wrk(server: Server, connections: int, seconds: float) -> Sample:
    """Load a server for some seconds; end the program when it answers with errors."""
    name, *arguments = server.script or ("",)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-H", server.authorization]
    command += [*(["-s", name] if name else []), server.url, *(["--", *arguments] if arguments else [])]
    before = cpu_seconds(server.pid)
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.pid) - before
    if "Non-2xx" in printed or "Socket errors" in printed:
        sys.exit(f"wrk saw errors at {server.name}:\n{printed}")
    rate = _number(r"Requests/sec:\s+([\d.]+)", printed)
    requests = _number(r"(\d+) requests in", printed)
    return Sample(rate, _percentile(printed, 50), _percentile(printed, 99), used / max(requests, 1) * 1e6)


def _number(pattern: str, printed: str) -> float:
    found = re.search(pattern, printed)
    return float(found.group(1)) if found else float("nan")


def _percentile(printed: str, rank: int) -> float:
    found = re.search(rf"{rank}%\s+([\d.]+)(us|ms|s)", printed)
    return float(found.group(1)) * UNITS[found.group(2)] if found else float("nan")


def rounds(servers: Sequence[Server], connections: int, seconds: float, count: int) -> dict[str, list[Sample]]:
    """Load every server in turn, again and again, so that what disturbs the machine disturbs all of them."""
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    for _ in range(count):
        for server in servers:
            samples[server.name].append(wrk(server, connections, seconds))
    return samples


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> tuple[float, str]:
    """Return the median of the rates' ratio round by round, and that with its spread as text."""
    all_of_them = sorted(one.rate / other.rate for one, other in zip(ours, theirs, strict=True))
    median = statistics.median(all_of_them)
    return median, f"{median:.2f} ({all_of_them[0]:.2f}-{all_of_them[-1]:.2f})"


def median(samples: Sequence[Sample], read: Callable[[Sample], float]) -> float:
    """Return the median of one figure."""
    return statistics.median(read(sample) for sample in samples)


def first_call(port: int, url: str, *, body: bytes = b"") -> float:
    """Return the ms from the first byte of a request on a new connection to its response."""
    path = url.partition(f":{port}")[2]
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        began = time.perf_counter()
        connection.sendall(head + body)
        answer = connection.recv(65536)
        took = (time.perf_counter() - began) * 1000
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"{url} answered {answer[:300]!r}")
    return took


def rank(times: Sequence[float], share: float) -> float:
    """Return the value below which a share of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
