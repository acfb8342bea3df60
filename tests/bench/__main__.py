"""Print the table of speed and density: `python -m tests.bench [--seconds 5] [--rounds 3] [--only warm,cold,…]`.

Everything is on: routing, a token, written run records, the full sandbox, the egress proxy. Bare node:http is loaded in
the same rounds. Needs wrk; the peers are fetched by npm into a temporary directory.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fusebit_platform.runtime import node
from tests.bench import cold, density, peers, warm
from tests.bench.load import Server, first_call, wait_for_rest
from tests.bench.table import Table
from tests.gateway.conftest import Platform, free_port, start

HERE = Path(__file__).parent
PARTS = ("warm", "peers", "cold", "idle", "connections", "neighbour", "leaks")


@contextmanager
def bare_node() -> Iterator[Server]:
    """Run the least that a Node.js server can be."""
    port = free_port()
    command = [str(node.find()), str(HERE / "bare.cjs"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield Server("bare", f"http://127.0.0.1:{port}/", server.pid)
        finally:
            server.kill()


def platform_with_a_warm_function(directory: Path) -> Platform:
    """Start gateway and sandboxes without a database behind them, which no cold or idle process needs."""
    platform = start(directory)
    first_call(platform.port, platform.put("b1/hello", cold.HELLO, security=cold.CLOSED, version_id="1"))
    wait_for_rest(platform.process.pid)
    return platform


def measure(parts: set[str], seconds: float, rounds: int, calls: int) -> Table:
    """Measure the parts asked for and print their rows."""
    table = Table()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        installed = peers.install(directory / "peers") if "peers" in parts else None
        express = peers.install(directory / "express", peers.PACKAGES[:1]) if "cold" in parts else None
        table.title()
        if parts & {"warm", "peers"}:
            with ExitStack() as others:
                bare, ours = others.enter_context(bare_node()), others.enter_context(warm.whole_platform())
                beside = others.enter_context(peers.running(installed)) if installed and "peers" in parts else []
                warm.rows(table, ours, bare, beside, seconds, rounds)
        platform = platform_with_a_warm_function(directory)
        stack.callback(platform.stop)
        if "cold" in parts:
            cold.rows(table, platform, express / "node_modules" if express else None)
        if "idle" in parts:
            density.idle_workers(table, platform)
        if "connections" in parts:
            density.idle_connections(table, platform, 10_000)
        if "neighbour" in parts:
            density.neighbour(table, platform)
        if "leaks" in parts:
            density.leaks(table, platform, calls)
    return table


def main() -> None:
    """Read the command line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--calls", type=int, default=10_000, help="of the search for leaks")
    arguments.add_argument("--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)}")
    options = arguments.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("The benchmark needs wrk: apt-get install wrk")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ["FIXED_GENERATION"] = "1"
    measure(set(options.only.split(",")), options.seconds, options.rounds, options.calls)


if __name__ == "__main__":
    main()
