"""How long pages take, and what open live logs cost: `python -m tests.bench.pages [--functions 100] [--runs 10000]`.

Runs the whole product by quickstart in a directory of its own, fills a workspace, and asks for each page in turn.
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests

from tests.processes import ROOT, environment, free_port, until

PAGES = (
    "functions/",
    "functions/f0/",
    "functions/f0/runs/",
    "runs/",
    "functions/f0/versions/",
    "functions/f0/settings/",
)


def filled(functions_wanted: int, runs_wanted: int) -> tuple[str, dict[str, str]]:
    """Make a workspace in the product's own database; return its path and the cookie of its owner."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onboarding.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone

    from tenants.models import Run
    from tenants.services import functions, starters
    from tests.cast import founded, person

    owner = person("bench")
    tenant = founded(owner)
    made = [
        functions.create(tenant=tenant, name=f"f{number}", starter=starters.blank(), author=owner)
        for number in range(functions_wanted)
    ]
    now = timezone.now()
    rows = [
        Run(
            tenant=tenant,
            function=made[number % len(made)],
            function_name=f"f{number % len(made)}",
            version_number=1,
            method="GET",
            status=500 if number % 20 == 0 else 200,
            cause="code_error" if number % 20 == 0 else "",
            created_at=now - timedelta(seconds=number * 20),
        )
        for number in range(runs_wanted)
    ]
    Run.objects.bulk_create(rows, batch_size=500)
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()
    return f"/t/{tenant.slug}/", {settings.SESSION_COOKIE_NAME: str(session.session_key)}


def timed(url: str, cookies: dict[str, str], count: int) -> list[float]:
    """Return how long each of `count` requests took, in ms, in order of size."""
    with requests.Session() as browser:
        browser.cookies.update(cookies)
        times = []
        for _ in range(count):
            begun = time.perf_counter()
            assert browser.get(url, timeout=30).status_code == 200, url
            times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)


def tails(port: int, path: str, cookies: dict[str, str], count: int) -> list[socket.socket]:
    """Open so many live logs."""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    opened = []
    for _ in range(count):
        opened.append(socket.create_connection(("127.0.0.1", port)))
        opened[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
        assert b" 200 " in opened[-1].recv(400)
    return opened


def measure(port: int, chosen: argparse.Namespace) -> None:
    """Print the median and the 95th percentile of each page, then of one with live logs open beside it."""
    home, cookies = filled(chosen.functions, chosen.runs)
    site = f"http://127.0.0.1:{port}"
    for page in PAGES:
        times = timed(f"{site}{home}{page}", cookies, chosen.requests)
        print(f"{page}: p50 {statistics.median(times):.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms")
    plain = f"{site}{home}help/"
    before = statistics.median(timed(plain, cookies, chosen.requests))
    opened = tails(port, f"{home}functions/f0/events/", cookies, chosen.tails)
    try:
        after = statistics.median(timed(plain, cookies, chosen.requests))
    finally:
        for connection in opened:
            connection.close()
    print(f"help/: p50 {before:.1f} ms, with {chosen.tails} live logs open {after:.1f} ms")


@contextmanager
def product() -> Iterator[int]:
    """Run the product by quickstart, with this process's environment as its commands have it; yield its port."""
    directory = Path(tempfile.mkdtemp(prefix="bench-pages-"))
    port, data = free_port(), directory / "data"
    ports = ["--port", str(port), "--platform-port", str(free_port()), "--identity-port", str(free_port())]
    command = [sys.executable, str(ROOT / "manage.py"), "quickstart", *ports, "--no-browser"]
    with (directory / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(data), stdout=out, stderr=out)
    try:
        until(lambda: "Ready:" in (directory / "out").read_text() or process.poll() is not None, "Ready", 120)
        os.environ.update(environment(data))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    """Start the product, measure, stop it."""
    options = argparse.ArgumentParser()
    for name, default in (("functions", 100), ("runs", 10_000), ("requests", 100), ("tails", 50)):
        options.add_argument(f"--{name}", type=int, default=default)
    with product() as port:
        measure(port, options.parse_args())


if __name__ == "__main__":
    main()
