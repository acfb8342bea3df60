"""What differs between two sets of files, line by line."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CONTEXT_LINES = 3
DEPENDENCY = re.compile(r'\s*"((?:@[\w.-]+/)?[\w.-]+)"\s*:\s*"')
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


def line_naming(files: Mapping[str, str], problem: str) -> int | None:
    """Return the line of package.json whose dependency `problem` names, if any."""
    for number, line in enumerate(files.get("package.json", "").splitlines(), 1):
        named = DEPENDENCY.match(line)
        if named and re.search(rf"(?<![\w@/-]){re.escape(named[1])}(?![\w/-])", problem):
            return number
    return None
