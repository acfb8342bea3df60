"""Reads which packages a function depends on, and pins each to the version it gets (contract 5.3)."""

import json
import re
import time
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any

from fusebit_platform import semver
from fusebit_platform.errors import BadRequest, TooManyRequests
from fusebit_platform.runtime import npm
from fusebit_platform.runtime.builds import PACKAGES
from fusebit_platform.runtime.errors import NpmFailed
from fusebit_platform.services import packages

NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*", re.ASCII)
TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
ARCHIVE = re.compile(r"\.(tgz|tar|tar\.gz)$", re.IGNORECASE)
RESOLVING = BoundedSemaphore(3)  # npm takes memory and a core each time
PATIENCE_S = 10.0
REMEMBERED_S = 60.0
MAX_REMEMBERED = 200
_resolved: dict[str, tuple[str, float]] = {}  # lockfiles by what was declared, and until when they are good
MAX_NAME = 214
MAX_DECLARED = 200
MENTIONED = re.compile(r"((?:@[^/@\s'\"]+/)?[^/@\s'\"]+)@([^'\"\n]*?)(?='|\"|\.?\n|\.$|\s(?:is|could)|$)")
NOT_THE_REGISTRY_S = "only names, versions and ranges of the npm registry are accepted"
UNREACHABLE = "the registry cannot be reached from here"
NETWORK = ("ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT")
REASONS = dict.fromkeys((*NETWORK, "ERR_SOCKET_TIMEOUT"), UNREACHABLE) | {
    "E404": "there is no such package",
    "ETARGET": "there is no such version",
    "EUNSUPPORTEDPROTOCOL": NOT_THE_REGISTRY_S,
}


def pin(specification: dict[str, Any], previous: Mapping[str, Any] | None) -> None:
    """Add to a specification the exact `dependencies` and the key of its `packages`; raise BadRequest.

    Versions stay what they are until the declared ranges or the version of Node.js change.
    """
    ranges = specification["ranges"]
    if ranges:
        _refuse_own_packages(specification["nodejs"])
    if previous is not None and previous["ranges"] == ranges and previous["node"] == specification["node"]:
        specification["dependencies"] = previous.get("dependencies", {})
        specification["packages"] = previous.get("packages", "")
    else:
        resolve(specification, fresh=False)


def _refuse_own_packages(nodejs: Mapping[str, Any]) -> None:
    """Raise BadRequest for files where the packages will be."""
    names = [*nodejs["files"], *nodejs.get("encodedFiles", {})]
    if any(name.split("/", 1)[0] == PACKAGES for name in names):
        raise BadRequest(f"Files in {PACKAGES} can not be combined with dependencies.")


def resolve(specification: dict[str, Any], *, fresh: bool = True) -> None:
    """Pin the declared ranges to the versions that the registry has, now or a minute ago; raise BadRequest."""
    ranges: dict[str, str] = specification["ranges"]
    specification["dependencies"], specification["packages"] = {}, ""
    if not ranges:
        return
    check(ranges)
    lock = _lockfile(ranges, fresh=fresh)
    found = json.loads(lock)["packages"]
    for name, wanted in ranges.items():
        if f"node_modules/{name}" not in found:
            raise BadRequest(_text(name, wanted, "npm leaves it out on this machine"))
        version = found[f"node_modules/{name}"]["version"]
        specification["dependencies"][name] = {"version": version, "registry": "public", "semver": wanted}
    specification["packages"] = packages.remember(lock)


def _lockfile(ranges: Mapping[str, str], *, fresh: bool) -> str:
    declared = json.dumps(ranges, sort_keys=True)
    lock, until = _resolved.get(declared, ("", 0.0))
    if fresh or until < time.monotonic():
        lock = _asked(ranges)
        if len(_resolved) >= MAX_REMEMBERED:
            _resolved.clear()
        _resolved[declared] = (lock, time.monotonic() + REMEMBERED_S)
    return lock


def _asked(ranges: Mapping[str, str]) -> str:
    if not RESOLVING.acquire(timeout=PATIENCE_S):
        raise TooManyRequests
    try:
        return npm.lockfile(ranges, cache_directory=packages.cache_directory())
    except NpmFailed as error:
        raise BadRequest(unresolved(ranges, error)) from None
    finally:
        RESOLVING.release()


def check(ranges: Mapping[str, str]) -> None:
    """Raise BadRequest unless everything is a name and a range, or a tag, of the registry."""
    if len(ranges) > MAX_DECLARED:
        raise BadRequest(f"A function may declare at most {MAX_DECLARED} dependencies.")
    for name, wanted in ranges.items():
        is_range = semver.is_range(wanted) and not ARCHIVE.search(wanted)
        if len(name) > MAX_NAME or not NAME.fullmatch(name) or not (is_range or TAG.fullmatch(wanted)):
            raise BadRequest(_text(name, wanted, NOT_THE_REGISTRY_S))


def unresolved(ranges: Mapping[str, str], error: NpmFailed) -> str:
    """Return the message for what npm could not resolve, which may be a package that another one needs."""
    mentioned = MENTIONED.search(f"{error.detail}\n{error.summary}" if error.code == "E404" else error.summary)
    name, wanted = mentioned.groups() if mentioned else next(iter(ranges.items()))
    return _text(name, ranges.get(name, wanted), REASONS.get(error.code, error.summary))


def _text(name: str, wanted: str, reason: str) -> str:
    return f"Unable to fully resolve module version for {name}@{wanted} from the npm registry: {reason}."
