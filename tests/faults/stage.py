"""What every fault command stands on: a database of its own, an imported client, a Fusebit to torment, and figures."""

import argparse
import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.processes import ROOT, free_port

PATIENCE_S = 120.0


@dataclass
class Stage:
    """The running Fusebit and where things are; Django is set up when it exists."""

    directory: Path
    base_url: str
    profile: dict[str, Any]
    process: "subprocess.Popen[str]"
    started: float = field(default_factory=time.monotonic)

    def tell(self, **body: Any) -> None:
        """Tell the Fusebit what to do wrong, or change its users behind the product's back."""
        request = urllib.request.Request(f"{self.base_url}/_/faults", json.dumps(body).encode(), method="POST")  # noqa: S310
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 (loopback)

    def state(self) -> dict[str, Any]:
        """Return what the Fusebit holds."""
        with urllib.request.urlopen(f"{self.base_url}/_/state", timeout=30) as answer:  # noqa: S310 (loopback)
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def stage(*, not_atomic: bool = False, rate: float = 100.0) -> Iterator[Stage]:
    """Set everything up and take it down again; the database is the one that DATABASE_URL names a server of."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        _configure(directory, stack, rate)
        profile, public = _profile()
        port = free_port()
        profile["baseUrl"] = profile["pki"]["audience"] = f"http://127.0.0.1:{port}"
        (directory / "public.pem").write_text(public)
        command = [sys.executable, "-m", "tests.faults.fusebit", str(port), str(directory / "public.pem")]
        command += ["--not-atomic"] if not_atomic else []
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        stack.callback(_stop, process)
        assert process.stdout is not None
        assert process.stdout.readline() == "Ready\n"
        _import(directory, profile)
        yield Stage(directory, profile["baseUrl"], profile, process)
        from django.db import connections

        connections.close_all()


def _configure(directory: Path, stack: ExitStack, rate: float) -> None:
    url = os.environ.get("DATABASE_URL", "")
    if url.startswith("postgres"):
        from tests.embedded import Database

        database = Database(url)
        stack.callback(database.drop)
        url = database.url
    else:
        url = f"sqlite:///{directory / 'site.sqlite3'}"
    os.environ |= {
        "DATA_DIR": str(directory),
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "onboarding.settings",
        "FUSEBIT_RATE": str(rate),
        "SECRET_KEY": "only-for-faults-" + secrets.token_hex(32),
        "KEY_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "CLIENT_KEY_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
    }
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)  # a pool does not survive a fork
    call_command("migrate", verbosity=0)


def _profile() -> tuple[dict[str, Any], str]:
    from tests.embedded import KeyPair
    from tests.faults.fusebit import ACCOUNT, SUBSCRIPTION

    pair = KeyPair()
    pki = {
        "issuer": "client.example.com", "subject": "cli-backend", "kid": pair.kid, "type": "pki", "algorithm": "RS256",
        "audience": "", "privateKey": pair.private_pem, "publicKey": pair.public_pem,
    }  # fmt: skip
    return {"id": "b", "account": ACCOUNT, "subscription": SUBSCRIPTION, "type": "pki", "pki": pki}, pair.public_pem


def _import(directory: Path, profile: dict[str, Any]) -> None:
    from django.core.management import call_command

    file = directory / "client.json"
    file.write_text(json.dumps(profile))
    file.chmod(0o600)
    with (directory / "import.log").open("w") as log:
        call_command("import_client", str(file), stdout=log, stderr=log)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def log_in(uid: str, *, provision: Callable[[Any], None] | None = None) -> None:
    """Sign a person in as the provider's callback does: pipeline, session, signal, on_commit."""
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory

    from onboarding import pipeline

    class Backend:
        name = "local"

    details = {"first_name": uid.title(), "email": f"{uid}@example.com"}
    person = pipeline.enrol(Backend(), uid=uid, details=details) or {}
    user = person["user"]
    user.social_user = person["social"]
    request = RequestFactory().get("/auth/complete/local/")
    request.session = SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    if provision is not None:
        provision(user)


def ready(uids: list[str]) -> int:
    """Return how many of the people have access, as our rows say."""
    from tenants.models import FusebitUser

    subjects = [f"local|{uid}" for uid in uids]
    total = 0
    for start in range(0, len(subjects), 500):
        rows = FusebitUser.objects.filter(subject__in=subjects[start : start + 500])
        total += rows.filter(state="ready").count()
    return total


def why(uids: list[str]) -> dict[str, int]:
    """Return how many of the people are not READY, by state and cause."""
    from django.db.models import Count

    from tenants.models import FusebitUser

    rows = FusebitUser.objects.filter(subject__in=[f"local|{uid}" for uid in uids]).exclude(state="ready")
    counted = rows.values_list("state", "error_code").annotate(number=Count("pk"))
    return {f"{state}: {code}": number for state, code, number in counted}


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> float:
    """Return after how many seconds the condition held; infinity when it did not within the patience."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > patience_s:
            return float("inf")
        time.sleep(0.05)
    return time.monotonic() - started


@dataclass
class Tally:
    """The counts that decide: what people were promised against what there is at Fusebit."""

    lost: int
    double: int
    wrong: int
    orphans: int

    @classmethod
    def of(cls, stage: Stage, uids: list[str]) -> "Tally":
        """Compare the people who were told that they are signed in with the users at Fusebit and with our rows."""
        from tenants.models import FusebitUser, Tenant
        from tests.faults.fusebit import ACCOUNT, SUBSCRIPTION

        users = stage.state()["users"]
        by_subject: dict[str, list[dict[str, Any]]] = {}
        for user in users:
            for entry in user.get("identities", ()):
                by_subject.setdefault(entry["subject"], []).append(user)
        rows = {row.subject: row for row in FusebitUser.objects.select_related("user")}
        boundaries = dict(Tenant.objects.values_list("memberships__user_id", "boundary_id"))
        lost = double = wrong = 0
        for subject in (f"local|{uid}" for uid in uids):
            found, row = by_subject.get(subject, []), rows.get(subject)
            double += len(found) > 1
            if not found or row is None or row.state != "ready":
                lost += 1
                continue
            resource = f"/account/{ACCOUNT}/subscription/{SUBSCRIPTION}/boundary/{boundaries.get(row.user_id)}/"
            held = {(entry["action"], entry["resource"]) for entry in found[0].get("access", {}).get("allow", ())}
            wrong += held != {("function:*", resource)} or row.remote_user_id != found[0]["id"]
        known = {row.remote_user_id for row in rows.values()}
        orphans = sum(bool(user.get("identities")) and user["id"] not in known for user in users)
        return cls(lost, double, wrong, orphans)

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is lost, double, wrong or left over."""
        return not (self.lost or self.double or self.wrong or self.orphans)


@contextmanager
def workers(number: int = 1) -> Iterator[list[Any]]:
    """Run workers in threads of this process."""
    import threading

    from tenants.services.work import Worker

    made = [Worker() for _ in range(number)]
    threads = [threading.Thread(target=worker.run, daemon=True) for worker in made]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        for worker in made:
            worker.stop.set()
        for thread in threads:
            thread.join(60)


def arguments(about: str, *, rest: str = "") -> argparse.Namespace:
    """Read the command line that all of them share; with --postgresql a server is started and this runs on it.

    `rest` names an option that takes whatever follows it.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--full", action="store_true", help="the full size, which takes minutes")
    parser.add_argument("--naive", action="store_true", help="create in the signal instead: must fail the counts")
    parser.add_argument("--not-atomic", action="store_true", help="against a Fusebit that writes row after row")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL that is started for it")
    if rest:
        parser.add_argument(f"--{rest}", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.postgresql and not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        sys.exit(_again_on_postgresql())
    return options


def _again_on_postgresql() -> int:
    from tests.run import ensure_postgresql, postgresql

    with postgresql(ensure_postgresql()) as directory:
        url = f"postgresql://postgres@/postgres?host={directory}"
        environment = {**os.environ, "DATABASE_URL": url}
        module = sys.modules["__main__"].__spec__
        assert module is not None
        return subprocess.run(
            [sys.executable, "-m", module.name, *sys.argv[1:]], env=environment, cwd=ROOT, check=False
        ).returncode


def bar(figure: float, *, full: bool) -> float:
    """Return the bar; a small case on a busy machine shows that it ends, not how fast."""
    return figure if full else figure * 10


def report(name: str, figures: dict[str, Any], *, met: bool) -> None:
    """Print the figures as one line of JSON and end with 1 when they are not met."""
    print(json.dumps({"command": name, "met": met, **figures}), flush=True)
    with contextlib.suppress(Exception):
        from django.db import connections

        connections.close_all()
    sys.stdout.flush()
    if not met:
        sys.exit(1)
