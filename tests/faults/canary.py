"""No window of 20 bytes of a private key or of a minted token is anywhere that it does not belong.

The sweep first has to find a key that is planted in a log, a write-ahead log and an environment. Then the product's
ordinary life is lived with every log at DEBUG, and everything it left behind is searched: files of the data directory,
pages, tracebacks, the environments and command lines of all its processes.

With --suite it is the ordinary tests that are lived through instead: see `tests.faults.sweep`.

`python -m tests.faults.canary [--full] [--not-atomic] [--postgresql] [--suite [arguments of pytest]]`
"""

import contextlib
import io
import logging
import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.faults import sweep
from tests.faults.needles import Needles
from tests.faults.stage import Stage, arguments, log_in, ready, report, stage, wait_until, workers
from tests.processes import ROOT


def files_below(directory: Path) -> Iterable[tuple[str, bytes]]:
    """Yield the files of a directory."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            with contextlib.suppress(FileNotFoundError):
                yield str(path.relative_to(directory)), path.read_bytes()


def processes(pids: list[int]) -> Iterable[tuple[str, bytes]]:
    """Yield environment and command line of the processes."""
    for pid in pids:
        for name in ("environ", "cmdline"):
            yield f"/proc/{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()


def planted_is_found(directory: Path, needles: Needles, pem: str) -> list[str]:
    """Plant the key in three places; return where it was found."""
    place = directory / "planted"
    place.mkdir()
    (place / "a.log").write_text(f"key: {pem[700:760]}")
    database = sqlite3.connect(place / "b.sqlite3")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (v)")
    database.execute("INSERT INTO t VALUES (?)", (pem,))
    database.commit()
    child = subprocess.Popen(["/bin/sleep", "60"], env={"LEAKED": pem[700:760].replace("\n", " ")})
    environ = Path(f"/proc/{child.pid}/environ")
    wait_until(lambda: environ.read_bytes() != b"", 20)  # empty for a moment after the program was begun
    try:
        hays = [*files_below(place), *processes([child.pid])]
        found = [name for name, hay in hays if needles.found_in(hay)]
    finally:
        child.kill()
        child.wait()
        database.close()
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    return found


def live(on: Stage, number: int) -> Iterable[tuple[str, bytes]]:
    """Live the product's ordinary life; yield the pages and tracebacks of it."""
    from django.contrib.auth.models import User
    from django.test import Client

    uids = [f"c{index}" for index in range(number)]
    for uid in uids:
        log_in(uid)
    on.tell(faults={"rate": 0.2})
    with workers():
        wait_until(lambda: ready(uids) == len(uids))
        on.tell(faults={})
        yield from _failures()
    operator = User.objects.create_superuser("operator", "op@example.com", "pass")
    client = Client(raise_request_exception=False)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    for path in _admin_pages():
        yield path, client.get(path).content
    for path in ("/.well-known/jwks.json", "/readyz", "/metrics"):
        yield path, client.get(path).content


def _admin_pages() -> Iterable[str]:
    from django.contrib import admin
    from django.urls import reverse

    yield reverse("admin:index")
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"admin:{label}_changelist")
        for row in model._default_manager.all()[:3]:
            yield reverse(f"admin:{label}_change", args=[row.pk])


def _failures() -> Iterable[tuple[str, bytes]]:
    """Break the bridge in the middle of its work, and see what the reports of that show."""
    from unittest.mock import patch

    from django.test import RequestFactory
    from django.views.debug import ExceptionReporter

    from fusebit_bridge import door, keyring, tokens
    from fusebit_bridge.client import Requestor
    from fusebit_bridge.models import SigningKey

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("broken for the sweep")

    def look() -> None:
        door.provisioner().observe(door.Identity("ours", "local|nobody"))

    def load() -> None:
        keyring.forget()
        keyring.load(SigningKey.objects.all()[0])

    breaks: tuple[tuple[Any, str, Any, Any], ...] = (
        (Requestor, "_exchange", broken, look),
        (keyring, "PrivateKey", broken, load),
        (tokens, "Token", None, look),
    )
    for owner, name, instead, act in breaks:
        with patch.object(owner, name, instead):
            try:
                act()
            except (RuntimeError, TypeError):
                kind, error, trace = sys.exc_info()
                reporter = ExceptionReporter(RequestFactory().get("/"), kind, error, trace)
                yield f"traceback page of {name}", reporter.get_traceback_html().encode()
                yield f"traceback text of {name}", reporter.get_traceback_text().encode()
                yield f"plain traceback of {name}", traceback.format_exc().encode()
                logging.getLogger("canary").exception("broken for the sweep")


@contextlib.contextmanager
def minted() -> Iterator[list[str]]:
    """Collect every token that this process mints meanwhile."""
    from fusebit_bridge.credentials import PrivateKey

    collected: list[str] = []
    original = PrivateKey.sign

    def sign(self: Any, claims: Any, headers: Any) -> str:
        collected.append(original(self, claims, headers))
        return collected[-1]

    PrivateKey.sign = sign  # type: ignore[method-assign]
    try:
        yield collected
    finally:
        PrivateKey.sign = original  # type: ignore[method-assign]


def main() -> None:
    """Sweep and say whether anything was found."""
    options = arguments(__doc__ or "", rest="suite")
    if options.suite is not None:
        figures, met = sweep.run(options.suite)
        report("canary", figures, met=met)
        return
    with stage(not_atomic=options.not_atomic) as on:
        from fusebit_bridge import keyring
        from fusebit_bridge.models import SigningKey

        log = on.directory / "everything.log"
        handler = logging.FileHandler(log)
        handler.setLevel(logging.DEBUG)
        from onboarding.logs import RedactSecrets

        handler.addFilter(RedactSecrets())
        logging.getLogger().handlers = [handler]
        logging.getLogger().setLevel(logging.DEBUG)
        needles = Needles()
        needles.add_key(on.profile["pki"]["privateKey"])
        for row in SigningKey.objects.all():
            needles.add_key(keyring.load(row).export())
        planted = planted_is_found(on.directory, needles, on.profile["pki"]["privateKey"])
        (on.directory / "client.json").unlink()  # the source, which import_client said to delete
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env={**os.environ, "LOG_LEVEL": "DEBUG"},
            stdout=(on.directory / "worker.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            with minted() as tokens:
                pages = list(live(on, 20 if options.full else 5))
            for token in tokens:
                needles.add_token(token)
            hays = [*pages, *files_below(on.directory), *processes([worker.pid, os.getpid(), on.process.pid])]
            hits = [name for name, hay in hays if needles.found_in(hay)]
        finally:
            worker.terminate()
            worker.wait()
            handler.close()
            logging.getLogger().handlers = [logging.StreamHandler(io.StringIO())]
        figures = {"planted_found": planted, "searched": len(hays), "bytes": sum(len(hay) for _, hay in hays)}
        figures |= {"tokens": len(tokens), "hits": hits}
        report("canary", figures, met=len(planted) >= 3 and not hits and len(tokens) > 0)


if __name__ == "__main__":
    main()
