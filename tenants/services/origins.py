"""The CORS list: which sites' pages may call a function, enforced by a guard that is put around it when it goes live.

Fusebit answers every preflight and lets pages of every site read (contract 1.6); only the function can refuse.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tenants.errors import InvalidInput

NAME = "ALLOWED_ORIGINS"  # of the configuration value that holds the list, separated by commas
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
FILE = "_cors-list.js"
LINE = f'\n;module.exports = require("./{FILE}")(module.exports); // the CORS list of the settings\n'
SOURCE = Path(__file__).resolve().parent.parent / "guards" / "cors-list.js"


def guarded(files: Mapping[str, str], configuration: Mapping[str, str]) -> dict[str, str]:
    """Return the files with the guard around index.js where the configuration has a list; lines keep their numbers."""
    if not configuration.get(NAME, "").strip():
        return dict(files)
    return {**files, "index.js": files["index.js"] + LINE, FILE: _source()}


def bare(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files as they were written, without the guard."""
    if FILE not in files:
        return dict(files)
    written = {path: text for path, text in files.items() if path != FILE}
    return {**written, "index.js": written.get("index.js", "").removesuffix(LINE)}


def check(value: str) -> None:
    """Raise InvalidInput for a list that no page could be on; `*` stands for pages of every site."""
    for one in value.split(","):
        if one.strip() != "*" and not ORIGIN.fullmatch(one.strip().lower()):
            raise InvalidInput(f"“{one.strip()[:60]}” is not an origin: write https://shop.example.com.", field=NAME)


def words(configuration: Mapping[str, str]) -> str:
    """Say whose pages may call."""
    listed = [one.strip() for one in configuration.get(NAME, "").split(",") if one.strip()]
    return f"Pages of {', '.join(listed)}." if listed else "Pages of every site."


@cache
def _source() -> str:
    return SOURCE.read_text()
