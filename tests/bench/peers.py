"""Other servers of functions, fetched into a temporary directory for this measurement alone."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fusebit_platform.runtime import node
from tests.bench.load import Server
from tests.gateway import web
from tests.gateway.conftest import free_port

PACKAGES = ("express@5", "@google-cloud/functions-framework@5", "workerd")
EXPRESS = """const app = require('express')();
app.get('/', (request, response) => response.json({ hello: 'world' }));
app.listen(Number(process.env.PORT), '127.0.0.1');"""
FRAMEWORK = "exports.hello = (request, response) => response.json({ hello: 'world' });"
WORKERD = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "dispatcher", worker = (
      modules = [ ( name = "main", esModule = embed "dispatcher.mjs" ) ],
      compatibilityDate = "2024-01-01", bindings = [ ( name = "HELLO", service = "hello" ) ] ) ),
    ( name = "hello", worker = (
      modules = [ ( name = "main", esModule = embed "hello.mjs" ) ], compatibilityDate = "2024-01-01" ) ) ],
  sockets = [ ( name = "http", address = "127.0.0.1:PORT", http = (), service = "dispatcher" ) ] );"""
DISPATCHER = "export default { fetch: (request, env) => env.HELLO.fetch(request) };"
WORKER = "export default { fetch: () => Response.json({ hello: 'world' }) };"


def install(directory: Path, packages: Sequence[str] = PACKAGES) -> Path | None:
    """Return a new directory with the packages, None when npm cannot fetch them."""
    directory.mkdir()
    npm = shutil.which("npm") or str(node.find().parent / "npm")
    environment = {**os.environ, "PATH": f"{node.find().parent}{os.pathsep}{os.environ['PATH']}"}
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    (directory / "package.json").write_text("{}")
    ran = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"The peers could not be installed: {ran.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return directory


@contextmanager
def running(directory: Path) -> Iterator[list[Server]]:
    """Start every peer; yield those that answer."""
    binary = str(node.find())
    (directory / "express.cjs").write_text(EXPRESS)
    (directory / "index.js").write_text(FRAMEWORK)
    (directory / "dispatcher.mjs").write_text(DISPATCHER)
    (directory / "hello.mjs").write_text(WORKER)
    framework = "node_modules/@google-cloud/functions-framework/build/src/main.js"
    workerd_port = free_port()
    (directory / "workerd.capnp").write_text(WORKERD.replace("PORT", str(workerd_port)))
    commands = {
        "express": ([binary, "express.cjs"], free_port()),
        "functions-framework": ([binary, framework, "--target=hello", "--source=."], free_port()),
        "workerd with dispatcher": (["node_modules/.bin/workerd", "serve", "workerd.capnp"], workerd_port),
    }
    with contextlib.ExitStack() as stack:
        servers = []
        for name, (command, port) in commands.items():
            environment = {
                **os.environ,
                "PORT": str(port),
                "PATH": f"{Path(binary).parent}{os.pathsep}{os.environ['PATH']}",
            }
            process = stack.enter_context(
                subprocess.Popen(
                    command, cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                )
            )
            stack.callback(process.kill)
            server = Server(name, f"http://127.0.0.1:{port}/", process.pid)
            if _answers(server.url):
                servers.append(server)
            else:
                print(f"{name} does not answer and is left out.", file=sys.stderr)
        yield servers


def _answers(url: str) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            return web.get(url, timeout=5).status_code == 200
        time.sleep(0.1)
    return False
