"""What differs between two sets of files, line by line."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CONTEXT_LINES = 3
MAX_LINES = 2000


@dataclass(frozen=True)
class Line:
    """`kind` is added, removed, same or place."""

    kind: str
    text: str


@dataclass(frozen=True)
class FileDifference:
    """One file that is not the same on both sides."""

    path: str
    lines: list[Line]


def between(before: Mapping[str, str], after: Mapping[str, str]) -> list[FileDifference]:
    """Return the files that differ, by name; lines that only `after` has are added."""
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return [FileDifference(path, list(_lines(before.get(path, ""), after.get(path, "")))) for path in paths]


def _lines(before: str, after: str) -> Iterator[Line]:
    left, right = before.splitlines()[:MAX_LINES], after.splitlines()[:MAX_LINES]
    kinds = {"+": "added", "-": "removed", "@": "place"}
    for number, text in enumerate(difflib.unified_diff(left, right, n=CONTEXT_LINES, lineterm="")):
        if number > 1:  # the two lines that name the files
            yield Line(kinds.get(text[:1], "same"), text)
