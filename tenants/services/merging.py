"""Puts two edits of the same files together: what does not meet is taken from both, what does is left to the person."""

from collections.abc import Mapping
from dataclasses import dataclass

from merge3 import Merge3

SAME, MINE, THEIRS, BOTH, CLASH = "same", "mine", "theirs", "both", "clash"


@dataclass(frozen=True)
class MergedFile:
    """One file in the three states, and put together.

    `kind` is `mine` or `theirs` (only that side changed it), `both` (their changes do not meet) or `clash`, in
    which case `merged` holds mine where the two meet. A text that is None means that there is no such file.
    """

    path: str
    kind: str
    base: str | None
    mine: str | None
    theirs: str | None
    merged: str | None


def merge(*, base: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[MergedFile]:
    """Return every file that either side changed, by name."""
    paths = sorted(base.keys() | mine.keys() | theirs.keys())
    merged = [_file(path, base.get(path), mine.get(path), theirs.get(path)) for path in paths]
    return [file for file in merged if file.kind != SAME]


def _file(path: str, base: str | None, mine: str | None, theirs: str | None) -> MergedFile:
    if mine == theirs:
        return MergedFile(path, SAME, base, mine, theirs, mine)
    if mine == base:
        return MergedFile(path, THEIRS, base, mine, theirs, theirs)
    if theirs == base:
        return MergedFile(path, MINE, base, mine, theirs, mine)
    if mine is None or theirs is None:  # one side deleted what the other changed: nothing is thrown away
        return MergedFile(path, CLASH, base, mine, theirs, mine if mine is not None else theirs)
    text, met = _lines(base or "", mine, theirs)
    return MergedFile(path, CLASH if met else BOTH, base, mine, theirs, text)


def _lines(base: str, mine: str, theirs: str) -> tuple[str, bool]:
    """Return the texts put together line by line, and whether the two sides met anywhere."""
    three = Merge3(base.splitlines(True), mine.splitlines(True), theirs.splitlines(True))
    lines: list[str] = []
    met = False
    for group in three.merge_groups():
        if group[0] == "conflict":
            met = True
            lines += group[2]
        else:
            lines += group[1]
    return "".join(lines), met
