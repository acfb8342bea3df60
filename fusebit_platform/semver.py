"""Compares versions and ranges as npm writes them, as far as engines and client versions need it."""

import re
from itertools import takewhile

Version = tuple[int, int, int]

VERSION = re.compile(
    r"v?(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]+)?(\+\S*)?", re.ASCII
)
PARTIAL = re.compile(
    r"(\^|~>?|>=|<=|>|<|=)?\s*v?([0-9]{1,9}|[xX*])(?:\.([0-9]{1,9}|[xX*]))?(?:\.([0-9]{1,9}|[xX*]))?(?:[-+][0-9A-Za-z.+-]*)?",
    re.ASCII,
)
OPERATOR_SPACE = re.compile(r"(\^|~>?|>=|<=|>|<|=)\s+", re.ASCII)
MAX_CHARACTERS = 256
LAST = (10**9, 0, 0)


def parse(text: str) -> Version | None:
    """Return a release version; None for anything else, pre-releases included."""
    found = VERSION.fullmatch(text)
    if found is None or found.group(4):
        return None
    return int(found.group(1)), int(found.group(2)), int(found.group(3))


def is_range(text: str) -> bool:
    """Tell whether a text is a range of versions."""
    return len(text) <= MAX_CHARACTERS and all(_bounded(part.strip()) for part in text.split("||"))


def _bounded(text: str) -> bool:
    comparators = OPERATOR_SPACE.sub(r"\1", text.replace(" - ", " ")).split()
    return all(PARTIAL.fullmatch(comparator) for comparator in comparators)


def satisfies(version: Version, text: str) -> bool:
    """Tell whether `version` lies in the range; a range that cannot be read holds nothing."""
    return len(text) <= MAX_CHARACTERS and any(_all(version, part.strip()) for part in text.split("||"))


def max_satisfying(versions: list[Version], text: str) -> Version | None:
    """Return the highest version in the range, or None."""
    return max((version for version in versions if satisfies(version, text)), default=None)


def _all(version: Version, text: str) -> bool:
    low, hyphen, high = text.partition(" - ")
    if hyphen:
        text = f">={low.strip()} <={high.strip()}"
    comparators = OPERATOR_SPACE.sub(r"\1", text).split()
    if not comparators:
        return True
    return all((bounds := _bounds(part)) is not None and bounds[0] <= version < bounds[1] for part in comparators)


def _bounds(comparator: str) -> tuple[Version, Version] | None:
    """Return the lowest version of a comparator and the first one above it."""
    found = PARTIAL.fullmatch(comparator)
    if found is None:
        return None
    operator = found.group(1) or ""
    given = [int(part) for part in takewhile(str.isdigit, (part or "" for part in found.groups()[1:]))]
    low, above = _version(given), _after(given)
    if operator.startswith("^"):
        return low, _caret(given)
    if operator.startswith("~"):
        return low, _after(given[:2])
    if operator.startswith("<"):
        return (0, 0, 0), above if operator == "<=" else low
    if operator.startswith(">"):
        return low if operator == ">=" else above, LAST
    return low, above


def _version(given: list[int]) -> Version:
    major, minor, patch = (*given, 0, 0, 0)[:3]
    return major, minor, patch


def _after(given: list[int]) -> Version:
    return _version([*given[:-1], given[-1] + 1]) if given else LAST


def _caret(given: list[int]) -> Version:
    for position, part in enumerate(given):
        if part:
            return _after(given[: position + 1])
    return _after(given)
