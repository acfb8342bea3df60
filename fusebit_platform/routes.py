"""Finds the route of a function that a request falls under (contract 6.2)."""

from collections.abc import Iterable, Mapping
from typing import Any

SEGMENT_ENDS = ("", "/", "#", "?")


def find(routes: Iterable[Mapping[str, Any]], path: str) -> Mapping[str, Any] | None:
    """Return the first route whose path prefixes the raw `path`, query included, up to the end of a segment."""
    for route in routes:
        prefix = route["path"]
        if path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) :][:1] in SEGMENT_ENDS):
            return route
    return None
