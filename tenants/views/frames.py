"""The place in a person's own file that an error names."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from tenants.models import Run
from tenants.services import bodies

FRAME = re.compile(r"/app/([\w@+./ -]+?):(\d{1,6})(?::(\d{1,6}))?")


@dataclass(frozen=True)
class Frame:
    """A file and a line, and the address that opens the editor there."""

    path: str
    line: int
    address: str


def find(text: str, run: Run) -> Frame | None:
    """Return the first place in the function's own files that `text` names."""
    found = FRAME.search(text)
    if not found or run.function is None:
        return None
    path, line, column = found[1], int(found[2]), int(found[3] or 1)
    editor = reverse("tenants:function", args=[run.tenant.slug, run.function.name])
    query = urlencode({"file": path, "line": line, "column": column})
    return Frame(path, line, f"{editor}?{query}")


def of_run(run: Run) -> Frame | None:
    """Return the place that the call's error names, in its message or in the answer that is kept."""
    if not run.cause:
        return None
    kept = bodies.of(run)
    text = kept.body.decode("utf-8", "replace") if kept else ""
    return find(f"{run.message}\n{text}", run)
