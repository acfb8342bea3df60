"""Files that only their owner may read, never seen half-written."""

import os
from collections.abc import Callable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file (0600) that holds `text`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def write_once(path: Path, make: Callable[[], str]) -> None:
    """Write what `make` returns, unless the file is there."""
    if not path.exists():
        write_private(path, make())
