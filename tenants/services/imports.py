"""Functions that come from elsewhere: what Fusebit's API answered, or a folder of files."""

import json
from collections.abc import Iterable
from typing import Any

from tenants.errors import InvalidInput
from tenants.services import functions, live, origins
from tenants.services.starters import Starter

LONGEST = 1_000_000  # characters of a specification
SKIPPED = frozenset({"node_modules", "package-lock.json", "__MACOSX"})
TAGS_AT_MOST = 10


def of_specification(text: str) -> tuple[str, Starter]:
    """Return name and first version from what `GET …/function/{id}?include=all` answered; raise InvalidInput."""
    if len(text) > LONGEST:
        raise InvalidInput(f"This is longer than {LONGEST // 1000} KB.", field="specification")
    try:
        specification = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {str(error)[:100]}.", field="specification") from None
    return of_answer(specification)


def of_answer(specification: Any) -> tuple[str, Starter]:
    """Return the same from the answer as it was parsed."""
    if not isinstance(specification, dict) or not isinstance(specification.get("nodejs"), dict):
        raise InvalidInput("This is not what GET function answers: it has no “nodejs”.", field="specification")
    if specification["nodejs"].get("encodedFiles"):
        names = ", ".join(sorted(specification["nodejs"]["encodedFiles"])[:3])
        raise InvalidInput(f"It has binary files ({names}), which cannot be edited here.", field="specification")
    try:
        content = live.snapshot_of(specification)
        tags = [str(tag) for tag in (specification.get("metadata") or {}).get("tags") or {}]
    except (AttributeError, TypeError, ValueError):
        raise InvalidInput("This is not what GET function answers.", field="specification") from None
    starter = Starter(
        name="imported",
        label="Imported",
        files=origins.bare(content.files),
        message="Imported from Fusebit",
        configuration=content.configuration,
        compute=content.compute,
        schedule=content.schedule,
        security=content.security,
        routes=content.routes,
        tags=tuple(tags[:TAGS_AT_MOST]),
    )
    return str(specification.get("id") or ""), starter


def of_folder(uploads: Iterable[tuple[str, bytes]]) -> Starter:
    """Return a first version from files by path; what editors and npm leave behind is left out. Raise InvalidInput."""
    wanted = [(path, content) for path, content in uploads if _is_wanted(path)]
    if not wanted:
        raise InvalidInput("There is no file in it that could be part of a function.", field="folder")
    size = sum(len(content) for _, content in wanted)
    if size > functions.MAX_BYTES:
        limit = functions.MAX_BYTES // 1000
        raise InvalidInput(f"All files together may have {limit} KB; these have {size // 1000} KB.", field="folder")
    shared = _shared_folder([path for path, _ in wanted])
    files = {path[len(shared) :]: _text(path, content) for path, content in wanted}
    return Starter(name="imported", label="Imported", files=files, message="Imported from a folder")


def _is_wanted(path: str) -> bool:
    parts = path.split("/")
    return not any(part.startswith(".") or part in SKIPPED for part in parts)


def _shared_folder(paths: list[str]) -> str:
    """Return the folder that everything is in, with its slash; a browser names the one that was chosen."""
    first = {path.split("/", 1)[0] for path in paths}
    return f"{first.pop()}/" if len(first) == 1 and all("/" in path for path in paths) else ""


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text: a function is made of text files.", field="folder") from None
