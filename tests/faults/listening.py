"""A plugin of pytest for the sweep: keeps what the product answers, logs, stores and deletes while the tests run.

It needs SWEPT, the directory where everything is kept; what is kept of one process is in files of that process.
"""

import hashlib
import json
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

SWEPT = Path(os.environ["SWEPT"])
ME = str(os.getpid())


class Kept:
    """Names and contents, one in a line of a file; equal contents once."""

    def __init__(self, kind: str) -> None:
        self._file = SWEPT / "kept" / f"{ME}.{kind}"
        self._seen: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, name: str, content: bytes) -> None:
        """Keep a content under a name that says where it is from."""
        digest = hashlib.sha256(content).digest()
        test = os.environ.get("PYTEST_CURRENT_TEST", "between tests").rpartition(" ")[0]
        with self._lock:
            if digest not in self._seen:
                self._seen.add(digest)
                with self._file.open("a", encoding="ascii") as file:  # nothing stays open that a test could close
                    file.write(json.dumps([f"{test} {name}", content.decode("latin-1")]) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        config.pluginmanager.register(Listener(), "listener")


class Listener:
    """Stands where pages, statements, log lines and error reports come by."""

    def __init__(self) -> None:
        self.pages, self.rows, self.reports = Kept("pages"), Kept("rows"), Kept("reports")
        self._handler = logging.FileHandler(SWEPT / "kept" / f"{ME}.log")
        self._removed = 0

    def pytest_sessionstart(self) -> None:
        """Take the places."""
        from django.core.handlers.base import BaseHandler
        from django.core.signals import got_request_exception
        from django.db.backends.utils import CursorWrapper
        from requests import Session

        from onboarding.logs import RedactSecrets

        self._handler.addFilter(RedactSecrets())  # as the handler of the product has it
        logging.getLogger().addHandler(self._handler)
        logging.getLogger().setLevel(logging.DEBUG)
        self._after(BaseHandler, "get_response", self._page)
        self._after(Session, "send", self._answer)
        for name in ("execute", "executemany"):
            self._after(CursorWrapper, name, self._statement)
        got_request_exception.connect(self._failed)
        self._keep_directories()

    def pytest_unconfigure(self) -> None:
        """Leave."""
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()

    def _after(self, owner: Any, name: str, see: Any) -> None:
        original = getattr(owner, name)

        def seen(*args: Any, **kwargs: Any) -> Any:
            made = original(*args, **kwargs)
            see(made, *args[1:], **kwargs)
            return made

        setattr(owner, name, seen)

    def _page(self, response: Any, request: Any) -> None:
        if not response.streaming:
            headers = "\n".join(f"{name}: {value}" for name, value in response.items())
            self.pages.add(f"{request.method} {request.path}", headers.encode() + b"\n" + response.content)

    def _answer(self, response: Any, request: Any, **options: Any) -> None:
        if not options.get("stream"):
            name = f"{request.method} {request.url.partition('?')[0]}"
            self.pages.add(name, str(response.headers).encode() + b"\n" + response.content)

    def _statement(self, _made: Any, sql: str, params: Any = None) -> None:
        for text in _texts(params):
            self.rows.add(f"SQL {sql[:60]}", text)

    def _failed(self, request: Any, **_context: Any) -> None:
        import sys

        from django.views.debug import ExceptionReporter

        reporter = ExceptionReporter(request, *sys.exc_info())
        self.reports.add(f"error page of {request.path}", reporter.get_traceback_html().encode())
        self.reports.add(f"error mail of {request.path}", reporter.get_traceback_text().encode())

    def _keep_directories(self) -> None:
        """Put directories of the sweep away where they would be removed."""
        remove, below = shutil.rmtree, SWEPT.resolve()

        def put_away(path: Any, *args: Any, **kwargs: Any) -> None:
            found = Path(os.fsdecode(path)) if not kwargs.get("dir_fd") else None
            if found is None or not found.is_dir() or below not in found.resolve().parents:
                remove(path, *args, **kwargs)
                return
            self._removed += 1
            found.rename(SWEPT / "kept" / f"{ME}.{self._removed}.{found.name}")

        shutil.rmtree = put_away


def _texts(params: Any) -> list[bytes]:
    """Return what is long enough to hold a window, of one row or of many."""
    if isinstance(params, dict):
        params = list(params.values())
    if isinstance(params, list | tuple):
        return [text for param in params for text in _texts(param)]
    if isinstance(params, bytes | memoryview):
        return [bytes(params)]
    text = str(getattr(params, "obj", params) or "").encode("utf-8", "surrogatepass")
    return [text] if len(text) >= 20 else []
