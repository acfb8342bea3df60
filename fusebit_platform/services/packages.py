"""The packages of functions: fetched once per lockfile for the whole deployment, kept where functions only read."""

import hashlib
import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import close_old_connections, connections

from fusebit_platform import configuration
from fusebit_platform.errors import TooManyRequests
from fusebit_platform.models import Function, PackageSet
from fusebit_platform.runtime import node, npm
from fusebit_platform.runtime.errors import NpmFailed
from fusebit_platform.services import moments, transactions

AT_ONCE = 2
MOST_WAITING = 50
FIRST_DELAY_MS = 2 * 60 * 1000
GROWTH = 1.2
MAX_DELAY_MS = 24 * 60 * 60 * 1000
MAX_LOG = 20_000
KEPT_MS = 7 * 24 * 60 * 60 * 1000
CACHE_BYTES = 2 * 1024 * 1024 * 1024
log = logging.getLogger(__name__)

_lock = threading.Lock()
_builders = threading.Semaphore(AT_ONCE)
_building: dict[str, "Future[None]"] = {}


def _root() -> Path:
    return configuration.current().data_dir / "packages"


def cache_directory() -> Path:
    """Return where npm keeps what it fetched; functions never see it."""
    return _root() / "npm-cache"


def directory(key: str) -> Path | None:
    """Return the finished `node_modules` of a lockfile, or None when it is not built on this machine."""
    found = _root() / key / "node_modules"
    return found if key and found.is_dir() else None


def remember(lockfile: str) -> str:
    """Keep a lockfile and return its key."""
    key = hashlib.sha256(f"{node.version()}\0{lockfile}".encode()).hexdigest()
    with transactions.unnoticed():
        used = {"used_ms": moments.now_ms()}
        PackageSet.objects.update_or_create(key=key, defaults=used, create_defaults={"lockfile": lockfile, **used})
    return key


def check_back_off(key: str, runtime: str) -> None:
    """Raise TooManyRequests while another attempt at packages that failed would come too early."""
    row = PackageSet.objects.get(pk=key)
    if row.failures and row.retry_ms > moments.now_ms():
        until = format_datetime(datetime.fromtimestamp(row.retry_ms / 1000, UTC), usegmt=True)
        raise TooManyRequests(
            f"Module {json.loads(row.failure)['module']} for runtime {runtime} failed to build previously and another "
            f"attempt is delayed until {until}."
        )


def check_room() -> None:
    """Raise TooManyRequests when enough packages wait to be built."""
    if len(_building) >= MOST_WAITING:
        raise TooManyRequests


def begin(key: str, then: Callable[[str], None]) -> "Future[None]":
    """Have the packages built in the background, once; `then` is called with the key when that ended, well or not."""
    with _lock:
        running = _building.get(key)
        if running is None:
            running = _building[key] = Future()
            threading.Thread(target=_work, args=(key, then, running), name="builder", daemon=True).start()
        return running


def ensure(key: str) -> Path | None:
    """Return the `node_modules` of a lockfile, built now where this machine does not have them; None when it fails."""
    if key and directory(key) is None:
        begin(key, lambda _key: None).result()
    return directory(key)


def forget_unused(*, kept_ms: int = KEPT_MS, cache_bytes: int = CACHE_BYTES) -> None:
    """Remove packages that no function has any more, a while after they were last asked for; bound npm's cache."""
    old = PackageSet.objects.filter(used_ms__lt=moments.now_ms() - kept_ms)
    unused = old.exclude(key__in=Function.objects.exclude(packages="").values("packages"))
    for key in list(unused.values_list("key", flat=True)):
        with transactions.unnoticed():
            PackageSet.objects.filter(pk=key).delete()
        shutil.rmtree(_root() / key, ignore_errors=True)
    is_alone = len(_building) <= 1
    if is_alone and sum(path.stat().st_size for path in cache_directory().rglob("*") if path.is_file()) > cache_bytes:
        shutil.rmtree(cache_directory(), ignore_errors=True)


def _work(key: str, then: Callable[[str], None], done: "Future[None]") -> None:
    with _builders:
        try:
            close_old_connections()
            _build(key)
            then(key)
            forget_unused()
        except Exception:  # the edge of the builder's thread: whoever waits must go on
            log.exception("Packages could not be built.")
        finally:
            with _lock:
                _building.pop(key, None)
            connections.close_all()
            done.set_result(None)


def _build(key: str) -> None:
    if directory(key) is not None:
        return
    row = PackageSet.objects.get(pk=key)
    try:
        _install(key, row.lockfile)
    except NpmFailed as error:
        row.failures += 1
        delay = min(FIRST_DELAY_MS * GROWTH ** min(row.failures - 1, 100), MAX_DELAY_MS)
        row.retry_ms = moments.now_ms() + int(delay)
        row.failure = json.dumps(_described(error, row.lockfile))
    else:
        row.failures, row.retry_ms, row.failure = 0, 0, ""
    with transactions.unnoticed():
        row.save(update_fields=["failures", "retry_ms", "failure"])


def _install(key: str, lockfile: str) -> None:
    """Build beside the place and move there when all is well, so that what is there is always whole."""
    _root().mkdir(mode=0o711, parents=True, exist_ok=True)
    cache_directory().mkdir(mode=0o700, exist_ok=True)
    _clear_away()
    place = Path(tempfile.mkdtemp(prefix="building-", dir=_root()))
    try:
        place.chmod(0o755)
        npm.install(lockfile, place, cache_directory=cache_directory())
        (place / "node_modules").mkdir(exist_ok=True)
        if directory(key) is None:
            place.rename(_root() / key)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@cache
def _clear_away() -> None:
    """Remove, once, what a process that was killed had begun; the data directory belongs to one process at a time."""
    for left in _root().glob("building-*"):
        shutil.rmtree(left, ignore_errors=True)


def _described(error: NpmFailed, lockfile: str) -> dict[str, Any]:
    packages = json.loads(lockfile)["packages"]
    name = error.module or next(iter(packages[""].get("dependencies", {})), "")
    version = packages.get(f"node_modules/{name}", {}).get("version")
    module = f"{name}@{version}" if version else name
    return {"module": module, "message": f"Command failed: npm ci\n{error.summary}", "log": error.log[:MAX_LOG]}
